import type { Invariant } from './report.ts';

/** What must have no row, of devices. */
export const DEVICE_INVARIANTS: readonly Invariant[] = [
  {
    check: 'device-counters',
    sql: `SELECT d.id AS of, d.settled AS detail FROM devices d LEFT JOIN device_settlements s ON s.device = d.id GROUP BY d.number
           HAVING d.settled <> count(s.number) OR d.received_msat <> coalesce(sum(s.received_msat), 0) OR d.acknowledged <> count(s.acknowledged_at)`,
    message: "the device's counters are not those of its payments",
  },
  {
    check: 'device-counters',
    sql: `SELECT d.id AS of, d.invoices AS detail FROM devices d WHERE d.invoices < (SELECT count(*) FROM device_invoices WHERE device = d.id)`,
    message: 'the device has more invoices than were counted',
  },
  {
    check: 'settled-without-settlement',
    sql: `SELECT id AS of FROM device_invoices WHERE state = 'settled'
            AND NOT EXISTS (SELECT 1 FROM device_settlements WHERE invoice = device_invoices.id AND kind <> 'duplicate')`,
    message: "the device's invoice is settled, but no settlement is recorded",
  },
  {
    check: 'settlement-without-effect',
    sql: `SELECT i.id AS of, i.state AS detail FROM device_settlements s JOIN device_invoices i ON i.id = s.invoice
           WHERE s.kind <> 'duplicate' AND (i.state <> 'settled' OR i.invoice_closed <> 1)`,
    message: "the device's invoice was paid, but is not settled",
  },
  {
    check: 'settlement-of-another',
    sql: 'SELECT s.id AS of FROM device_settlements s JOIN device_invoices i ON i.id = s.invoice WHERE s.device <> i.device',
    message: "the payment is told to another device than the invoice's",
  },
  {
    check: 'device-settlement',
    sql: `SELECT s.id AS of, s.kind AS detail FROM device_settlements s JOIN device_invoices i ON i.id = s.invoice
           WHERE s.kind <> 'duplicate' AND ((s.kind = 'underpaid') <> (s.received_msat < i.amount_msat) OR (s.late = 0 AND s.settled_at > i.expires_at))`,
    message: 'by its price and time the payment is something else',
  },
  {
    check: 'device-revoked',
    sql: `SELECT i.id AS of FROM device_invoices i JOIN devices d ON d.id = i.device WHERE i.state = 'open' AND d.revoked_at IS NOT NULL`,
    message: 'the device was revoked, but its invoice is open',
  },
];
