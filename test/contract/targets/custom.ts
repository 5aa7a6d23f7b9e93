import path from 'node:path';
import { ADAPTERS } from '../../../src/adapters/registry.ts';
import type { AdapterDefinition } from '../../../src/adapters/shared/definition.ts';
import type { ContractNetwork } from '../network.ts';
import { readCustomFile } from './custom-file.ts';
import { CustomNetwork } from './custom-network.ts';
import { prepareNetwork } from './regtest.ts';
import type { Target } from './target.ts';

/** What {@link customTarget} may be told. */
export interface CustomTargetOptions {
  /** Adapters beside those of the package, by kind: a fourth backend. */
  readonly adapters?: Readonly<Record<string, () => Promise<AdapterDefinition>>>;
}

/**
 * Nodes that somebody runs already, described by a file (docs/contract.md). Channels that it opens are closed again when it is
 * disposed of. @throws ConfigError for the file.
 */
export async function customTarget(file: string, options: CustomTargetOptions = {}): Promise<Target> {
  const config = await readCustomFile(file, { ...ADAPTERS, ...options.adapters });
  const folder = path.dirname(path.resolve(file));
  return {
    name: file,
    kinds: Object.keys(config.backends),
    missing: {},
    timeFactor: config.timeFactor,
    open: async ({ roles, backlogSize = config.backlogSize, progress }): Promise<ContractNetwork> =>
      await prepareNetwork(new CustomNetwork(config, roles, folder), { backlogSize, progress }),
  };
}
