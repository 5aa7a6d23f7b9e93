import type { DeviceLedger } from '../../../../core/ports/device-ledger.ts';
import type { HandlersOf } from '../handlers.ts';
import { addDevice, device, devices, revokeDevice } from './devices.ts';
import {
  createDeviceInvoice,
  deviceInvoice,
  deviceInvoiceByKey,
  deviceInvoiceClosed,
  deviceInvoicesToCancel,
  deviceInvoiceTimes,
  expireDeviceInvoices,
  openDeviceInvoices,
  pruneDeviceInvoices,
} from './invoices.ts';
import { acknowledgeSettlements, devicesToTell, unacknowledged } from './settlements.ts';

/** The commands of {@link DeviceLedger}. */
export const deviceCommands: HandlersOf<DeviceLedger> = {
  addDevice,
  device,
  devices,
  revokeDevice,
  createDeviceInvoice,
  deviceInvoice,
  deviceInvoiceByKey,
  deviceInvoiceTimes,
  openDeviceInvoices,
  expireDeviceInvoices,
  deviceInvoicesToCancel,
  deviceInvoiceClosed,
  pruneDeviceInvoices,
  unacknowledged,
  devicesToTell,
  acknowledgeSettlements,
};
