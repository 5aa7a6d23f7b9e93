import type { DeviceHolder, DeviceService } from '../../core/devices/service.ts';
import type { Logger } from '../../core/ports/logger.ts';
import { TickerplantError } from '../../core/tickerplant/errors.ts';
import { ackedMessage, invoicedMessage, refusedMessage, welcomeMessage } from '../shared/device-messages.ts';
import type { ServerMessage } from '../shared/messages.ts';
import { idOf, parseJson, parsePayload } from './payload.ts';
import type { ANSWERS, RequestTopic } from './topics.ts';

/** What a request is answered with, and on which of the device's topics. */
export interface MqttAnswer {
  readonly name: (typeof ANSWERS)[number];
  readonly message: ServerMessage;
  /** It was a `hello`: what is not acknowledged is to be told now. */
  readonly tell: boolean;
}

/** Answers what a device has published; `authorize` says whose it is, by the token in it where there is one. Never rejects. */
export async function answer(
  request: RequestTopic['request'],
  payload: Uint8Array,
  devices: DeviceService,
  authorize: (token: string | undefined) => Promise<DeviceHolder>,
  logger: Logger,
): Promise<MqttAnswer> {
  let id: string | number | undefined;
  try {
    const json = parseJson(payload);
    id = idOf(json);
    const parsed = parsePayload(request, json);
    const holder = await authorize(parsed.token);
    if (parsed.request === 'hello')
      return { name: 'welcome', message: welcomeMessage(holder, await devices.counters(holder), id), tell: true };
    if (parsed.request === 'ack') {
      const { acknowledged, counters } = await devices.acknowledge(holder, parsed.settlements);
      return { name: 'acked', message: ackedMessage(acknowledged, counters, id), tell: false };
    }
    const { item, amountMsat, key } = parsed;
    const { invoice } = await devices.ask(holder, { item, amountMsat, key });
    return { name: 'invoiced', message: { ...invoicedMessage(invoice, id), key }, tell: false };
  } catch (error) {
    return { name: 'error', message: refusedMessage(toRefusal(error, logger), id), tell: false };
  }
}

/** Whatever was thrown, as a refusal that can be shown. */
export function toRefusal(thrown: unknown, logger: Logger): TickerplantError {
  if (thrown instanceof TickerplantError) return thrown;
  logger.error({ err: thrown }, 'a request of a device failed in a way that was not foreseen');
  return new TickerplantError('INTERNAL', 'something went wrong here; nothing you did');
}
