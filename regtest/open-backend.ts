import { ADAPTERS } from '../src/adapters/registry.ts';
import type { LightningBackend } from '../src/core/lightning/backend.ts';
import { memoryDependencies } from './dependencies.ts';
import type { NodeConfig } from './network.ts';

/** A backend of a node's config, by the adapter of its kind, with memory in place of the ledger. */
export async function openBackend(config: NodeConfig): Promise<LightningBackend> {
  const load = ADAPTERS[config.kind];
  if (load === undefined) throw new Error(`there is no adapter for ${config.kind}`);
  const definition = await load();
  return await definition.create(definition.configSchema.parse(config), memoryDependencies());
}
