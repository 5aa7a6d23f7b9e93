import { createHash, timingSafeEqual } from 'node:crypto';
import { textOf } from '../../kdb/text.ts';
import { isOperatorToken } from '../shared/access/operators.ts';
import type { KdbConfig, KdbLogin, PublisherLogin } from './config.ts';

/** The highest capability that there is a meaning for: compression, timestamp, timespan, guid. More is answered with this. */
const HIGHEST_CAPABILITY = 3;
/** What clients send up to today; a larger last byte is part of the password of a client that sends none. */
const LARGEST_CAPABILITY = 6;
/** A token has more than 200 characters. */
export const LONGEST_LOGIN = 4096;
/** Shorter passwords are not tokens of ours: a macaroon has an identifier of 66 bytes and a signature of 32. */
const SHORTEST_TOKEN = 100;

/** What a client says first: `user:password`, a byte for its capability, NUL. */
export interface Handshake {
  readonly user: string;
  readonly password: string;
  /** The byte that answers it. */
  readonly capability: number;
}

/** What somebody who logged in is. `token`: the password may be one, to be checked · `operator`: it is the token of one, or none at all. */
export type Access =
  | { readonly kind: 'buyer' }
  | { readonly kind: 'token'; readonly token: string; readonly required: boolean }
  | { readonly kind: 'publisher'; readonly login: PublisherLogin }
  | { readonly kind: 'operator'; readonly token: string }
  | { readonly kind: 'refused' };

/** Reads what came before the NUL. Source: the kdb+ reference on IPC. */
export function parseHandshake(bytes: Uint8Array): Handshake {
  const last = bytes.at(-1);
  const offered = last !== undefined && last <= LARGEST_CAPABILITY ? last : undefined;
  const text = textOf(offered === undefined ? bytes : bytes.subarray(0, -1));
  const colon = text.indexOf(':');
  const [user, password] = colon === -1 ? [text, ''] : [text.slice(0, colon), text.slice(colon + 1)];
  return { user, password, capability: Math.min(offered ?? 0, HIGHEST_CAPABILITY) };
}

/** Who may come in as what. A password is compared in a time that says nothing of where it differs. */
export function accessOf({ user, password }: Handshake, config: Pick<KdbConfig, 'users' | 'publishers'>): Access {
  if (isOperatorToken(password)) return { kind: 'operator', token: password };
  if (config.publishers.some((login) => login.user === user)) {
    const login = matching(config.publishers, user, password);
    return login === undefined ? { kind: 'refused' } : { kind: 'publisher', login };
  }
  const listed = config.users === undefined ? undefined : matching(config.users, user, password) !== undefined;
  if (listed === true) return { kind: 'buyer' };
  if (/^[A-Za-z0-9+/_=-]+$/.test(password) && password.length >= SHORTEST_TOKEN) {
    return { kind: 'token', token: password, required: config.users !== undefined };
  }
  return listed === undefined ? { kind: 'buyer' } : { kind: 'refused' };
}

function matching<Login extends KdbLogin>(logins: readonly Login[], user: string, password: string): Login | undefined {
  const given = digest(user, password);
  let found: Login | undefined;
  for (const login of logins) if (timingSafeEqual(digest(login.user, login.password), given)) found = login;
  return found;
}

function digest(user: string, password: string): Uint8Array {
  return createHash('sha256').update(`${user}\0${password}`).digest();
}
