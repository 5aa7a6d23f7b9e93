import { z } from 'zod';
import type { DeviceItem, DevicesOptions } from '../../core/devices/items.ts';
import { ITEM_NAME } from '../../core/devices/terms.ts';
import { MAX_MSAT, type Msat } from '../../core/lightning/amount.ts';
import { durationSchema } from './duration.ts';

const EXPIRY_MS = 900_000;
const RETELL_MS = 30_000;
const OPEN_INVOICES = 10_000;
const OPEN_INVOICES_PER_DEVICE = 64;
const DESCRIPTION_LENGTH = 400;

const PRICE = 'a price is whole millisatoshi, 5000, or a range, "1000..50000"';

/** A price, fixed or from–to. */
const priceSchema = z.union([z.number(), z.string(), z.bigint()], PRICE).transform((value, context): readonly [Msat, Msat] => {
  const match = /^(\d{1,19})(?:\s*\.\.\s*(\d{1,19}))?$/.exec(String(value));
  const least = BigInt(match?.[1] ?? 0);
  const most = BigInt(match?.[2] ?? least);
  if (match !== null && least >= 1n && least <= most && most <= MAX_MSAT) return [least as Msat, most as Msat];
  context.addIssue({ code: 'custom', message: PRICE });
  return z.NEVER;
});

const expirySchema = durationSchema.refine((ms) => ms >= 1_000 && ms <= 604_800_000, 'an invoice lasts from 1s to 7d');

const itemSchema = z.strictObject({
  msat: priceSchema,
  description: z.string().min(1).max(DESCRIPTION_LENGTH).optional(),
  expiry: expirySchema.optional(),
});

/** `devices` of a config: what devices sell. Left out, there are none. */
export const devicesSchema: z.ZodType<DevicesOptions> = z
  .strictObject({
    items: z.record(
      z.string().regex(ITEM_NAME, 'the name of an item is letters, digits, _, - and ., at most 64'),
      itemSchema,
      'items are name: { msat, description, expiry }',
    ),
    expiry: expirySchema.default(EXPIRY_MS),
    openInvoices: z.number().int().min(1).default(OPEN_INVOICES),
    openInvoicesPerDevice: z.number().int().min(1).default(OPEN_INVOICES_PER_DEVICE),
    retell: durationSchema.refine((ms) => ms >= 1_000 && ms <= 3_600_000, 'from 1s to 1h').default(RETELL_MS),
  })
  .transform(({ items, expiry, openInvoices, openInvoicesPerDevice, retell }) => ({
    items: new Map(
      Object.entries(items).map(([name, item]): [string, DeviceItem] => [
        name,
        {
          minMsat: item.msat[0],
          maxMsat: item.msat[1],
          description: item.description,
          expirySeconds: Math.floor((item.expiry ?? expiry) / 1000),
        },
      ]),
    ),
    openInvoices,
    openInvoicesPerDevice,
    retellMs: retell,
  }));
