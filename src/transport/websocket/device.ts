import type { DeviceConnection, DeviceHolder, DeviceService } from '../../core/devices/service.ts';
import { TickerplantError } from '../../core/tickerplant/errors.ts';
import { ackedMessage, invoicedMessage, settledMessage, welcomeMessage } from '../shared/device-messages.ts';
import { errorMessage } from './errors.ts';
import { messageFrame } from './frames.ts';
import type { Outbox } from './outbox.ts';
import type { DeviceRequest } from './requests.ts';

/** A connection's side as a device: it is one once it has said `hello`. */
export class DeviceSession {
  readonly #devices: DeviceService | undefined;
  readonly #outbox: Outbox;
  #holder: DeviceHolder | undefined;
  #connection: DeviceConnection | undefined;
  #closed = false;

  constructor(devices: DeviceService | undefined, outbox: Outbox) {
    this.#devices = devices;
    this.#outbox = outbox;
  }

  /** Answers a request. @throws TickerplantError as `DeviceService`; `UNKNOWN_OPERATION` where this server has no devices. */
  async answer(request: DeviceRequest): Promise<void> {
    if (this.#devices === undefined) throw new TickerplantError('UNKNOWN_OPERATION', 'this server has no devices');
    if (request.op === 'hello') {
      await this.#hello(request.token, request.id, this.#devices);
      return;
    }
    if (this.#holder === undefined) throw new TickerplantError('FORBIDDEN', 'this is for devices: say hello with your token first');
    if (request.op === 'ack') {
      const { acknowledged, counters } = await this.#devices.acknowledge(this.#holder, request.settlements);
      this.#outbox.push(messageFrame(ackedMessage(acknowledged, counters, request.id)));
      return;
    }
    const { item, amountMsat, key } = request;
    const { invoice } = await this.#devices.ask(this.#holder, { item, amountMsat, key });
    this.#outbox.push(messageFrame({ ...invoicedMessage(invoice, request.id), key }));
  }

  /** The connection is gone. */
  close(): void {
    this.#closed = true;
    this.#connection?.close();
  }

  async #hello(token: string, id: DeviceRequest['id'], devices: DeviceService): Promise<void> {
    const holder = await devices.authenticate(token);
    const counters = await devices.counters(holder);
    if (this.#closed) return;
    const outbox = this.#outbox;
    // Another token, or the same again: from now on this one counts.
    this.#connection?.close();
    const connection = devices.connect(holder, {
      settled: (settlement) => outbox.push(messageFrame(settledMessage(settlement))),
      ended: (error) => {
        this.#holder = undefined;
        outbox.push(messageFrame(errorMessage(error, undefined)));
      },
      get isFull() {
        return outbox.isFull;
      },
    });
    this.#connection = connection;
    this.#holder = holder;
    outbox.push(messageFrame(welcomeMessage(holder, counters, id)));
    connection.tell();
  }
}
