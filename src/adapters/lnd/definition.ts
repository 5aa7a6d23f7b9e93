import type { z } from 'zod';
import type { AdapterDefinition } from '../shared/definition.ts';
import { LndBackend } from './backend/lnd-backend.ts';
import { LND_CAPABILITIES } from './capabilities.ts';
import { type LndConfig, lndConfigSchema, toConnection } from './client/config.ts';

/** lnd by gRPC: `backend: { kind: lnd }`. */
export const lnd: AdapterDefinition<z.ZodType<LndConfig>> = {
  kind: 'lnd',
  configSchema: lndConfigSchema,
  secrets: ['macaroonHex', 'value'],
  capabilities: LND_CAPABILITIES,
  create: async (config, dependencies) => new LndBackend(toConnection(config), dependencies),
};
