import { type Macaroon, newMacaroon } from 'macaroon';
import type { DeviceCredentials } from '../core/ports/credentials.ts';
import { TickerplantError } from '../core/tickerplant/errors.ts';
import { decodeMacaroon, encodeMacaroon } from './macaroon-codec.ts';

/** Before the device's id. Of another length than an L402 identifier: neither token can be taken for the other. */
const PREFIX = 'tickerplant-device/1/';
const ID = /^[0-9a-f]{32}$/;
const ROOT_KEY = /^[0-9a-f]{64}$/;

/** Devices' tokens: macaroons in the base64 that L402 tokens have. Whoever holds one can narrow it by adding caveats. */
export const deviceCredentials: DeviceCredentials = {
  mint(device, rootKey, caveats) {
    if (!ID.test(device)) throw new TypeError("a device's id is 32 lower-case hex digits");
    const token = newMacaroon({ identifier: new Uint8Array(Buffer.from(PREFIX + device)), rootKey: bytesOf(rootKey) });
    for (const caveat of caveats) token.addFirstPartyCaveat(caveat);
    return encodeMacaroon(token);
  },
  identify: (token) => deviceOf(parse(token)),
  verify(token, rootKey) {
    const parsed = parse(token);
    if (parsed.caveats.some((caveat) => caveat.vid !== undefined)) throw bad('third-party caveats are not understood');
    const caveats: string[] = [];
    try {
      parsed.verify(bytesOf(rootKey), (condition) => {
        caveats.push(condition);
        return null;
      });
    } catch (cause) {
      throw bad('its signature does not check', cause);
    }
    return caveats;
  },
};

function parse(token: string): Macaroon {
  try {
    return decodeMacaroon(token);
  } catch (cause) {
    throw bad('it can not be read', cause);
  }
}

function deviceOf(token: Macaroon): string {
  const identifier = Buffer.from(token.identifier).toString('latin1');
  const id = identifier.slice(PREFIX.length);
  if (!identifier.startsWith(PREFIX) || !ID.test(id)) throw bad('it is not the token of a device');
  return id;
}

/** The message goes to whoever sent the token; it never repeats it. */
function bad(why: string, cause?: unknown): TickerplantError {
  return new TickerplantError('BAD_TOKEN', `this token is not valid here: ${why}`, cause === undefined ? undefined : { cause });
}

function bytesOf(rootKey: string): Uint8Array {
  if (!ROOT_KEY.test(rootKey)) throw new TypeError('a root key is 64 lower-case hex digits');
  return new Uint8Array(Buffer.from(rootKey, 'hex'));
}
