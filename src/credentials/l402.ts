import { type Macaroon, newMacaroon } from 'macaroon';
import { hashOfPreimage, paymentHash, preimage } from '../core/lightning/identifiers.ts';
import type { Credentials, TokenIdentifier } from '../core/ports/credentials.ts';
import { TickerplantError } from '../core/tickerplant/errors.ts';
import { decodeMacaroon, encodeMacaroon } from './macaroon-codec.ts';

/** Version (u16), payment hash (32), token id (32), as deployed L402 servers have it. */
const IDENTIFIER_BYTES = 66;
const IDENTIFIER_VERSION = 0;

/** Until when a token is good, in seconds since 1970. Deployed servers put their service's name in front. */
const EXPIRY_CAVEATS: ReadonlySet<string> = new Set(['valid_until', 'tickerplant_valid_until']);

/** Deployed clients that send the macaroon alone put the payment's proof into it so. */
const PROOF = /^\s*preimage\s*=\s*([0-9a-f]{64})\s*$/;

/**
 * The buyers' tokens: L402 macaroons. Identifier as in L402, signed with a root key of the token's own, so that each can
 * be revoked. Whoever holds one can narrow it by adding caveats, `key=value`: `valid_until=<seconds since 1970>` is
 * understood (the earliest of several holds), and `preimage=<hex>` where it is the invoice's; any other is refused, and so is every third-party one.
 */
export const l402Credentials: Credentials = {
  mint(identifier, rootKey) {
    const bytes = Buffer.alloc(IDENTIFIER_BYTES);
    bytes.writeUInt16BE(IDENTIFIER_VERSION, 0);
    bytes.set(hex32(identifier.paymentHash, 'payment hash'), 2);
    bytes.set(hex32(identifier.tokenId, 'token id'), 34);
    return encodeMacaroon(newMacaroon({ identifier: new Uint8Array(bytes), rootKey: hex32(rootKey, 'root key') }));
  },
  identify: (token) => identifierOf(parse(token)),
  verify(token, rootKey, now) {
    const parsed = parse(token);
    const conditions: string[] = [];
    if (parsed.caveats.some((caveat) => caveat.vid !== undefined)) throw bad('third-party caveats are not understood');
    try {
      // Nothing is said of the caveats before the signature has been found good.
      parsed.verify(hex32(rootKey, 'root key'), (condition) => {
        conditions.push(condition);
        return null;
      });
    } catch (cause) {
      throw bad('its signature does not check', cause);
    }
    const ends = conditions
      .filter((condition) => !isProof(condition, identifierOf(parsed)))
      .map((condition) => checkCaveat(condition, now));
    return { narrowed: ends.length > 0, until: ends.length === 0 ? undefined : Math.min(...ends) };
  },
};

/**
 * Adds a caveat to a token, which only narrows it; for a buyer who hands it on. Needs no secret.
 * @throws TickerplantError `BAD_TOKEN` where it is no token.
 */
export function attenuate(token: string, caveat: string): string {
  const parsed = parse(token);
  parsed.addFirstPartyCaveat(caveat);
  return encodeMacaroon(parsed);
}

function parse(token: string): Macaroon {
  try {
    return decodeMacaroon(token);
  } catch (cause) {
    throw bad('it can not be read', cause);
  }
}

function identifierOf(token: Macaroon): TokenIdentifier {
  const bytes = Buffer.from(token.identifier);
  if (bytes.length !== IDENTIFIER_BYTES) throw bad('its identifier is not of L402');
  const version = bytes.readUInt16BE(0);
  if (version !== IDENTIFIER_VERSION) throw bad(`its identifier is of version ${version}, which is not known`);
  return { paymentHash: paymentHash(bytes.toString('hex', 2, 34)), tokenId: bytes.toString('hex', 34) };
}

/** Whether a caveat is the proof of the payment; it narrows nothing. */
function isProof(condition: string, identifier: TokenIdentifier): boolean {
  const [, secret] = PROOF.exec(condition) ?? [];
  if (secret === undefined) return false;
  if (hashOfPreimage(preimage(secret)) !== identifier.paymentHash) throw bad('its preimage is not of its invoice');
  return true;
}

/** Answers until when it leaves the token good. */
function checkCaveat(condition: string, now: number): number {
  const equals = condition.indexOf('=');
  const key = condition.slice(0, equals).trim();
  const value = condition.slice(equals + 1).trim();
  if (equals < 0 || !EXPIRY_CAVEATS.has(key)) throw bad('it has a caveat that is not understood');
  if (!/^\d{1,12}$/.test(value)) throw bad('its valid_until is no time in seconds since 1970');
  if (now >= Number(value) * 1000) {
    throw new TickerplantError('TOKEN_EXPIRED', `the token was valid until ${new Date(Number(value) * 1000).toISOString()}`);
  }
  return Number(value) * 1000;
}

/** The message goes to whoever sent the token; it never repeats it. */
function bad(why: string, cause?: unknown): TickerplantError {
  return new TickerplantError('BAD_TOKEN', `this token is not valid here: ${why}`, cause === undefined ? undefined : { cause });
}

function hex32(text: string, name: string): Uint8Array {
  if (!/^[0-9a-f]{64}$/.test(text)) throw new TypeError(`a ${name} is 64 lower-case hex digits`);
  return new Uint8Array(Buffer.from(text, 'hex'));
}
