import type { BackendConfig } from './backend.ts';
import { isPlainObject } from './environment.ts';
import { parseOverrides } from './overrides.ts';
import {
  type Config,
  type ListenerFileConfig,
  parseConfig,
  parseListenerConfig,
  parseStoreConfig,
  parseWalletConfig,
  type StoreFileConfig,
} from './parse.ts';
import type { ParseOptions } from './prepare.ts';
import { findConfigFile, readConfigFile } from './source.ts';

/** Which config to load. */
export interface LoadOptions extends Omit<ParseOptions, 'overrides'> {
  /** The file; left out, the working folder's own (see `DEFAULT_CONFIG_FILES`). */
  readonly file?: string | undefined;
  /** `a.b=c`, as on the command line. */
  readonly set?: readonly string[];
}

/** Finds, reads and parses a server's config. @throws ConfigError. */
export async function loadConfig(options: LoadOptions = {}): Promise<Config> {
  const { file, set = [], ...rest } = options;
  const overrides = parseOverrides(set);
  return await parseConfig(await readConfigFile(file ?? findConfigFile(process.cwd())), { ...rest, overrides });
}

/** Whether a file is a listener's rather than a server's. @throws ConfigError where it can't be read. */
export async function isListenerFile(file: string): Promise<boolean> {
  const { raw } = await readConfigFile(file);
  return isPlainObject(raw) && ['outbox', 'servers', 'webhooks'].some((key) => Object.hasOwn(raw, key));
}

/** Reads and parses a listener's file. @throws ConfigError. */
export async function loadListenerConfig(options: LoadOptions & { readonly file: string }): Promise<ListenerFileConfig> {
  const { file, set = [], ...rest } = options;
  return await parseListenerConfig(await readConfigFile(file), { ...rest, overrides: parseOverrides(set) });
}

/** Finds and reads what a store takes of a server's config or of a wallet, and says in which file it was. @throws ConfigError. */
export async function loadStoreConfig(options: Pick<LoadOptions, 'file' | 'set'>): Promise<StoreFileConfig & { readonly file: string }> {
  const file = options.file ?? findConfigFile(process.cwd());
  const overrides = parseOverrides(options.set ?? []);
  return { file, ...(await parseStoreConfig(await readConfigFile(file), { overrides })) };
}

/** Reads and parses a wallet's file. @throws ConfigError. */
export async function loadWalletConfig(file: string, options: ParseOptions = {}): Promise<BackendConfig> {
  return await parseWalletConfig(await readConfigFile(file), options);
}
