import { mkdir } from 'node:fs/promises';
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import type { LightningBackend } from '../core/lightning/backend.ts';
import type { Clock } from '../core/ports/clock.ts';
import type { Logger } from '../core/ports/logger.ts';
import type { Random } from '../core/ports/random.ts';
import { loadWalletConfig } from './config/load.ts';
import { PaymentStore } from './payment-store.ts';
import { systemClock, systemRandom } from './system.ts';

/** What {@link openWallet} needs. */
export interface OpenWalletOptions {
  /** A config file of `backend:` alone. */
  readonly file: string;
  /** Folder of what must not be forgotten: which payments were begun. {@link defaultStateDir} unless given. */
  readonly stateDir?: string | undefined;
  /** Take the `backend:` of a server's config too. */
  readonly anyConfig?: boolean;
  readonly logger: Logger;
  readonly clock?: Clock;
  readonly random?: Random;
}

/** A node to pay with. Disposing of it ends its connections. */
export interface Wallet extends AsyncDisposable {
  readonly backend: LightningBackend;
  /** Where its payments are remembered. */
  readonly stateDir: string;
}

/**
 * Opens the wallet that a file describes, without waiting for its node. Every payment is durably intended in
 * `stateDir/payments.db` before the node is told; processes that have the same `stateDir` share it, and so never pay an
 * invoice twice between them.
 * @throws ConfigError for the file; an error of the file system where the folder can't be made.
 */
export async function openWallet(options: OpenWalletOptions): Promise<Wallet> {
  const { logger, clock = systemClock, random = systemRandom } = options;
  const stateDir = options.stateDir ?? defaultStateDir();
  const { definition, config } = await loadWalletConfig(options.file, { backendOfAny: options.anyConfig === true });
  await mkdir(stateDir, { recursive: true, mode: 0o700 });
  const store = new PaymentStore({ path: join(stateDir, 'payments.db'), clock });
  const { intents, settlementLog } = store;
  const backend = await definition.create(config, { clock, random, logger, intents, settlementLog });
  return {
    backend,
    stateDir,
    async [Symbol.asyncDispose]() {
      try {
        await backend[Symbol.asyncDispose]();
      } finally {
        await store[Symbol.asyncDispose]();
      }
    },
  };
}

/** `$XDG_STATE_HOME/lightning-tickerplant`, or `~/.local/state/lightning-tickerplant` (XDG Base Directory Specification 0.8). */
export function defaultStateDir(environment: Readonly<Record<string, string | undefined>> = process.env): string {
  const state = environment['XDG_STATE_HOME'];
  // A relative one is to be ignored, says the specification.
  return join(state !== undefined && isAbsolute(state) ? state : join(homedir(), '.local', 'state'), 'lightning-tickerplant');
}
