import { type Msat, msat } from '../../core/lightning/amount.ts';
import type { LightningBackend } from '../../core/lightning/backend.ts';
import type { Clock } from '../../core/ports/clock.ts';
import type { Logger } from '../../core/ports/logger.ts';
import type { Random } from '../../core/ports/random.ts';
import { pricePerSymbol, pricingsOf } from '../../core/tickerplant/pricing.ts';
import { openSqliteLedger } from '../../storage/ledger/sqlite-ledger.ts';
import type { BackendConfig } from '../config/backend.ts';
import { ConfigError } from '../config/errors.ts';
import { loadConfig, loadWalletConfig } from '../config/load.ts';

/** A backend to look at. Disposing of it ends its connections. */
export interface OpenedBackend extends AsyncDisposable {
  readonly backend: LightningBackend;
  readonly config: BackendConfig;
}

/**
 * Opens the backend of a server's config or a wallet's file, with memory in place of ledger and payment store: whoever only
 * looks leaves nothing behind, and shuts nobody out of them.
 * @throws ConfigError.
 */
export async function openToLook(
  file: string,
  dependencies: { readonly clock: Clock; readonly random: Random; readonly logger: Logger },
): Promise<OpenedBackend> {
  const config = await loadWalletConfig(file, { backendOfAny: true });
  const store = await openSqliteLedger({ path: ':memory:', logger: dependencies.logger });
  const { intents, settlementLog } = store;
  const backend = await config.definition.create(config.config, { ...dependencies, intents, settlementLog });
  return {
    backend,
    config,
    async [Symbol.asyncDispose]() {
      try {
        await backend[Symbol.asyncDispose]();
      } finally {
        await store[Symbol.asyncDispose]();
      }
    },
  };
}

/** What the dearest symbol of a server's config costs; undefined where the file says nothing that can be read of it. */
export async function dearestSymbol(file: string): Promise<Msat | undefined> {
  try {
    const { tables } = await loadConfig({ file, forcePublic: true });
    const prices = tables.flatMap((table) => pricingsOf(table).map((pricing) => msat(pricePerSymbol(pricing))));
    return prices.sort((a, b) => (a < b ? 1 : -1))[0];
  } catch (error) {
    // Whatever else is wrong with the config is not the node's matter: `config check` says it.
    if (error instanceof ConfigError) return undefined;
    throw error;
  }
}
