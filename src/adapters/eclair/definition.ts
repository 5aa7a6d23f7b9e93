import type { AdapterDefinition } from '../shared/definition.ts';
import { EclairBackend } from './backend.ts';
import { eclairCapabilities } from './capabilities.ts';
import { eclairConfigSchema } from './config.ts';
import { knownVersion } from './schema.ts';

/** eclair by its HTTP API and WebSocket. */
export const eclair: AdapterDefinition<typeof eclairConfigSchema> = {
  kind: 'eclair',
  configSchema: eclairConfigSchema,
  secrets: ['password'],
  capabilities: eclairCapabilities,
  versions: { text: '0.13 and 0.14', includes: knownVersion },
  create: async (config, dependencies) => new EclairBackend(config, dependencies),
};
