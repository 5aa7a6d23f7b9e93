import type { AdapterDefinition } from '../shared/definition.ts';
import { ClnBackend } from './backend.ts';
import { clnCapabilities } from './capabilities.ts';
import { clnConfigSchema } from './config.ts';

/** Core Lightning by its unix socket. */
export const cln: AdapterDefinition<typeof clnConfigSchema> = {
  kind: 'cln',
  configSchema: clnConfigSchema,
  secrets: [],
  capabilities: clnCapabilities,
  create: async (config, dependencies) => new ClnBackend(config, dependencies),
};
