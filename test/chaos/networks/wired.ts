import { join } from 'node:path';
import { type Place, Wire } from '../wire.ts';
import type { BackendConfig } from './network.ts';

/** A config that leads to its node over a wire that can be cut. */
export interface WiredConfig {
  readonly config: BackendConfig;
  readonly wire: Wire;
}

/** Puts a wire before a node of any kind; `name` names its socket in `dir`, where the kind listens at one. */
export async function wired(config: BackendConfig, dir: string, name: string): Promise<WiredConfig> {
  switch (config.kind) {
    case 'lnd': {
      const wire = await Wire.to(portOf(config['host']));
      return { config: { ...config, host: `127.0.0.1:${wire.port}` }, wire };
    }
    case 'eclair': {
      const wire = await Wire.to(portOf(config['url']));
      return { config: { ...config, url: `http://127.0.0.1:${wire.port}` }, wire };
    }
    case 'cln': {
      const socket = config['socket'] ?? join(String(config['lightningDir']), String(config['network']), 'lightning-rpc');
      const path = join(dir, `${name}.sock`);
      return { config: { kind: 'cln', network: config['network'], socket: path }, wire: await Wire.to({ path: String(socket) }, { path }) };
    }
    default:
      throw new Error(`no wire is known to a node of kind ${config.kind}`);
  }
}

function portOf(address: unknown): Place {
  return { port: Number(/:(\d+)\/?$/.exec(String(address))?.[1]) };
}
