import type { z } from 'zod';
import type { AdapterDefinition } from '../shared/definition.ts';
import { LndBackend } from './backend/lnd-backend.ts';
import { LND_CAPABILITIES } from './capabilities.ts';
import { type LndConfig, lndConfigSchema, toConnection } from './client/config.ts';
import { inspectCredentials } from './client/inspect-credentials.ts';
import { LND_VERSIONS } from './versions.ts';

/** lnd by gRPC: `backend: { kind: lnd }`. */
export const lnd: AdapterDefinition<z.ZodType<LndConfig>> = {
  kind: 'lnd',
  configSchema: lndConfigSchema,
  secrets: ['macaroonHex', 'value'],
  capabilities: LND_CAPABILITIES,
  versions: LND_VERSIONS,
  inspectCredentials: (config) => inspectCredentials(toConnection(config)),
  create: async (config, dependencies) => new LndBackend(toConnection(config), dependencies),
};
