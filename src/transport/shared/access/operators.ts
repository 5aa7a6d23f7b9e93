import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Clock } from '../../../core/ports/clock.ts';
import { TickerplantError } from '../../../core/tickerplant/errors.ts';
import type { AddressList } from './address-list.ts';
import type { Origin } from './origin.ts';

/** What somebody who is not a buyer may do. `publisher`: publish rows · `metrics`: read metrics · `admin`: that, and look after the server. */
export type OperatorRole = 'publisher' | 'admin' | 'metrics';

/** All roles. */
export const OPERATOR_ROLES: readonly OperatorRole[] = ['publisher', 'admin', 'metrics'];

/** A token of an operator's, as the server knows it: never the token itself. */
export interface OperatorToken {
  /** For logs. */
  readonly name: string;
  readonly role: OperatorRole;
  /** SHA-256 of the token. That is enough for a secret of 256 random bits, which nobody can guess. */
  readonly digest: Uint8Array;
  /** Tables that a publisher may publish; undefined: all. */
  readonly tables?: readonly string[] | undefined;
  /** Milliseconds since 1970; undefined: it does not run out. */
  readonly expires?: number | undefined;
  /** Where it may be used from, beside what is asked of its role. */
  readonly from?: AddressList | undefined;
}

/** What is asked of operators, whatever their token. */
export interface OperatorRules {
  /** The tokens there are now; asked for each time, since they may be revoked while the server runs. */
  tokens(): readonly OperatorToken[];
  /** Where a role may be used from; a role that is left out: from everywhere. */
  readonly from: Readonly<Partial<Record<OperatorRole, AddressList>>>;
  /** Take credentials that somebody on the way could have read. */
  readonly plainText: boolean;
}

/** Somebody who has shown a token, or a login that stands for a role. Asked again each time that something is done, since tokens end. */
export interface Operator {
  readonly name: string;
  readonly role: OperatorRole;
  /** @throws TickerplantError `FORBIDDEN` for a table that is not theirs, `BAD_TOKEN` where it was revoked, `TOKEN_EXPIRED`. */
  assertMayPublish(table: string): void;
}

const PREFIX = 'tpk_';
const TOKEN_BYTES = 32;

/** A new token, `tpk_` and 256 random bits. It is the only time that it is seen. */
export function newOperatorToken(random: (count: number) => Uint8Array = randomBytes): string {
  return PREFIX + Buffer.from(random(TOKEN_BYTES)).toString('base64url');
}

/** Whether a text has the form of one; of a password it says that no login is meant. */
export function isOperatorToken(text: string): boolean {
  return text.startsWith(PREFIX);
}

/** What the server keeps of a token. */
export function digestOf(token: string): Uint8Array {
  return createHash('sha256').update(token).digest();
}

/** Lets operators through: by what they show, what it is for, and where it comes from. */
export class Operators {
  readonly #rules: OperatorRules;
  readonly #clock: Pick<Clock, 'now'>;

  constructor(rules: OperatorRules, clock: Pick<Clock, 'now'>) {
    this.#rules = rules;
    this.#clock = clock;
  }

  /** Whether anybody has, or may be given, a role. */
  get isUsed(): boolean {
    return this.#rules.tokens().length > 0;
  }

  /**
   * Who has this token, for a role.
   * @throws TickerplantError `BAD_TOKEN` where it is none (any more), `TOKEN_EXPIRED`, `FORBIDDEN` for another role, from a wrong place or in plain text.
   */
  identify(token: string, role: OperatorRole, origin: Origin): Operator {
    const digest = digestOf(token);
    const known = this.#valid(digest);
    if (known.role !== role && !(known.role === 'admin' && role === 'metrics'))
      throw new TickerplantError('FORBIDDEN', `this token is for ${known.role}, not for ${role}`);
    if (known.from?.has(origin.address) === false)
      throw new TickerplantError('FORBIDDEN', `this token may not be used from ${origin.address}`);
    this.assertOrigin(known.role, origin);
    return {
      name: known.name,
      role,
      assertMayPublish: (table) => {
        const { tables } = this.#valid(digest);
        if (role !== 'publisher') throw new TickerplantError('FORBIDDEN', 'this token is not for publishing');
        if (tables !== undefined && !tables.includes(table))
          throw new TickerplantError('FORBIDDEN', `this token is not for the table ${table.slice(0, 64)}`);
      },
    };
  }

  /** Whether a role may be had from there; for credentials of other kinds too, such as kdb+'s logins. @throws TickerplantError `FORBIDDEN`. */
  assertOrigin(role: OperatorRole, { address, isConfidential, isForwarded }: Origin): void {
    if (isForwarded)
      throw new TickerplantError(
        'FORBIDDEN',
        'this came through a proxy that trustProxy does not name, so where it came from is not known',
      );
    if (this.#rules.from[role]?.has(address) === false)
      throw new TickerplantError('FORBIDDEN', `${role} may not be used from ${address}; access.from.${role} says from where`);
    if (!isConfidential && !this.#rules.plainText)
      throw new TickerplantError('FORBIDDEN', 'credentials of operators are not taken in plain text from another machine: use TLS');
  }

  #valid(digest: Uint8Array): OperatorToken {
    let found: OperatorToken | undefined;
    // All of them, always: the time says nothing of which it is, or how much of one was right.
    for (const each of this.#rules.tokens()) if (timingSafeEqual(each.digest, digest)) found = each;
    if (found === undefined) throw new TickerplantError('BAD_TOKEN', 'this is no token of an operator here (any more)');
    if (found.expires !== undefined && found.expires <= this.#clock.now())
      throw new TickerplantError('TOKEN_EXPIRED', 'this token has run out; make another with tickerplant access token');
    return found;
  }
}
