import { readFile, stat } from 'node:fs/promises';
import type { Clock } from '../../core/ports/clock.ts';
import type { Logger } from '../../core/ports/logger.ts';
import { AddressList } from '../../transport/shared/access/address-list.ts';
import { digestOf, OPERATOR_ROLES, Operators, type OperatorToken } from '../../transport/shared/access/operators.ts';
import type { AccessConfig, AccessTokenConfig } from '../config/access.ts';
import { ConfigError } from '../config/errors.ts';
import { readTokenFile } from './token-file.ts';

/** How often the file of tokens is looked at: a token that was revoked is good for so long at most. */
const LOOK_EVERY_MS = 2_000;

/** What {@link openOperators} needs. */
export interface OperatorsOptions {
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * The operators of a config: its own tokens, and those of the file of tokens, which is followed while the server runs. A file that can't be read
 * any more changes nothing, and the log says so. @throws ConfigError where a file can't be read at the start.
 */
export async function openOperators(config: AccessConfig, options: OperatorsOptions): Promise<Operators & AsyncDisposable> {
  const own = await Promise.all(config.tokens.map((each) => operatorToken(each)));
  const file = config.tokensFile === false ? undefined : new FollowedTokens(config.tokensFile, options);
  await file?.read();
  file?.watch();
  const lists = OPERATOR_ROLES.flatMap((role) => {
    const addresses = config.from[role];
    return addresses === undefined ? [] : [[role, new AddressList(addresses)] as const];
  });
  const tokens = () => (file === undefined ? own : [...own, ...file.tokens]);
  const operators = new Operators({ tokens, from: Object.fromEntries(lists), plainText: config.plainText }, options.clock);
  return Object.assign(operators, { [Symbol.asyncDispose]: async () => file?.close() });
}

class FollowedTokens {
  readonly #file: string;
  readonly #options: OperatorsOptions;
  #tokens: readonly OperatorToken[] = [];
  #seen = '';
  #timer: Disposable | undefined;
  #isClosed = false;

  constructor(file: string, options: OperatorsOptions) {
    this.#file = file;
    this.#options = options;
  }

  get tokens(): readonly OperatorToken[] {
    return this.#tokens;
  }

  /** @throws ConfigError. */
  async read(): Promise<void> {
    const seen = await stampOf(this.#file);
    if (seen === this.#seen) return;
    // Before it is read: a change in between is seen the next time. Noted although it may be bad, so that it is told once.
    this.#seen = seen;
    this.#tokens = await Promise.all((await readTokenFile(this.#file)).map((each) => operatorToken(each)));
  }

  watch(): void {
    this.#timer = this.#options.clock.setTimer(LOOK_EVERY_MS, () => {
      void this.#look().finally(() => {
        if (!this.#isClosed) this.watch();
      });
    });
  }

  close(): void {
    this.#isClosed = true;
    this.#timer?.[Symbol.dispose]();
  }

  async #look(): Promise<void> {
    const { logger } = this.#options;
    const before = this.#seen;
    try {
      await this.read();
      if (this.#seen !== before)
        logger.info({ tokens: this.#tokens.map(({ name, role }) => `${name} (${role})`) }, 'access: tokens read anew');
    } catch (error) {
      logger.error({ err: error }, 'access: the file of tokens can not be read anew; those of before are good on');
    }
  }
}

/** What shows that a file is another one than before. */
async function stampOf(file: string): Promise<string> {
  const found = await stat(file, { bigint: true }).catch(() => undefined);
  return found === undefined ? 'none' : `${found.ino} ${found.mtimeNs} ${found.size}`;
}

async function operatorToken({ name, role, hash, token, tokenFile, tables, expires, from }: AccessTokenConfig): Promise<OperatorToken> {
  const digest =
    hash === undefined ? digestOf(token ?? (await tokenIn(tokenFile as string))) : Buffer.from(hash.slice('sha256:'.length), 'hex');
  return {
    name,
    role,
    digest,
    tables,
    expires: expires === undefined ? undefined : Date.parse(expires),
    from: from === undefined ? undefined : new AddressList(from),
  };
}

async function tokenIn(file: string): Promise<string> {
  const refuse = (message: string) => new ConfigError(file, [{ path: '', at: undefined, message }]);
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw refuse(`the token can't be read (${error.code})`);
  });
  const token = text.trim();
  if (token.length < 24) throw refuse('holds no token of at least 24 characters');
  return token;
}
