import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type AttachedNodeParts, attachNetwork } from '../attached-network.ts';
import { freePort } from '../native/free-ports.ts';
import type { NetworkRoles, NodeConfig, NodeKind, NodeRole, Progress, RegtestNetwork } from '../network.ts';
import { Compose, REGTEST_LOGIN, serviceOf } from './compose.ts';
import { ComposeBitcoin } from './compose-bitcoin.ts';

/** How to run it. */
export interface DockerNetworkOptions {
  /** The docker command, `docker` unless given. */
  readonly docker?: string | undefined;
  /** An image of ACINQ's for eclair, with its tag, instead of Polar's. */
  readonly eclairImage?: string | undefined;
  readonly progress?: Progress | undefined;
}

const ROLES = ['payer', 'middle', 'payee'] as const;
const P2P_PORT = 9735;

/**
 * Real nodes in containers, from the compose file beside this one: on free ports of 127.0.0.1, their files in a temporary
 * folder; containers, volumes and folder are removed with it. Not run so far: no engine was at hand.
 * @throws Error that names what is missing.
 */
export async function dockerNetwork(roles: NetworkRoles, options: DockerNetworkOptions = {}): Promise<RegtestNetwork> {
  const { docker, eclairImage, progress } = options;
  const kinds: Readonly<Record<NodeRole, NodeKind>> = {
    payer: roles.payer,
    middle: roles.middle ?? roles.payer,
    payee: roles.payee ?? roles.payer,
  };
  const data = await mkdtemp(join(tmpdir(), 'ltp-docker-'));
  const services = ROLES.map((role) => serviceOf(kinds[role], role));
  const ports: Record<string, number> = {};
  for (const service of ['bitcoind', ...services]) ports[service] = await freePort();
  const compose = new Compose({ project: `ltp-${randomBytes(4).toString('hex')}`, data, ports, eclairImage, docker, progress });
  const end = async (): Promise<void> => {
    await compose.run('down', '--volumes', '--remove-orphans', '--timeout', '30').catch((error: Error) => progress?.(error.message));
    await rm(data, { recursive: true, force: true });
  };
  try {
    await compose.require();
  } catch (error) {
    await rm(data, { recursive: true, force: true });
    throw error;
  }
  try {
    // Made by us and not by the engine, so that they are ours to remove.
    for (const service of ['bitcoind', ...services]) await mkdir(join(data, service), { mode: 0o777 });
    await compose.run('up', '--detach', '--wait', 'bitcoind');
    const bitcoin = new ComposeBitcoin(compose);
    await bitcoin.prepare(services.filter((service) => service.startsWith('eclair-')));
    await compose.run('up', '--detach', ...services);
    const nodes = ROLES.map((role): AttachedNodeParts => {
      const service = serviceOf(kinds[role], role);
      const config = configOf(kinds[role], join(data, service), ports[service] ?? 0);
      return {
        role,
        kind: kinds[role],
        config,
        invoiceOnlyConfig: kinds[role] === 'lnd' ? { ...config, macaroon: 'invoice.macaroon' } : undefined,
        address: { host: service, port: P2P_PORT },
        control: { stop: () => compose.run('stop', service), start: () => compose.run('start', service) },
      };
    });
    return await attachNetwork({ kind: 'docker', bitcoin, nodes, dispose: end });
  } catch (error) {
    await end();
    throw error;
  }
}

/** What reaches a service's node from this machine. */
export function configOf(kind: NodeKind, folder: string, port: number): NodeConfig {
  switch (kind) {
    case 'lnd':
      return { kind, network: 'regtest', lndDir: folder, host: `127.0.0.1:${port}` };
    case 'cln':
      return { kind, network: 'regtest', lightningDir: folder };
    case 'eclair':
      return { kind, network: 'regtest', url: `http://127.0.0.1:${port}`, password: REGTEST_LOGIN.password };
  }
}
