import type { AdapterDefinition } from '../shared/definition.ts';
import { ClnBackend } from './backend.ts';
import { clnCapabilities } from './capabilities.ts';
import { clnConfigSchema } from './config.ts';
import { knownVersion } from './schema.ts';

/** Core Lightning by its unix socket. */
export const cln: AdapterDefinition<typeof clnConfigSchema> = {
  kind: 'cln',
  configSchema: clnConfigSchema,
  secrets: [],
  capabilities: clnCapabilities,
  versions: { text: '25.x and 26.x', includes: knownVersion },
  create: async (config, dependencies) => new ClnBackend(config, dependencies),
};
