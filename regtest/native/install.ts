import type { NodeKind, Progress } from '../network.ts';
import { onPath } from './cache.ts';
import { ensureBitcoind, findBitcoind } from './install-bitcoind.ts';
import { ensureLnd, findLnd } from './install-lnd.ts';

/** What a native network can be made of on this machine; `undefined` or `false`: not installed. */
export interface Installed {
  readonly bitcoind: boolean;
  readonly lnd: boolean;
  readonly cln: boolean;
  readonly eclair: boolean;
}

/** Looks without installing anything. */
export function whatIsInstalled(): Installed {
  return {
    bitcoind: findBitcoind() !== undefined,
    lnd: findLnd() !== undefined,
    cln: findLightningd() !== undefined,
    eclair: findEclair() !== undefined,
  };
}

/** Core Lightning from `PATH`. */
export function findLightningd(): string | undefined {
  return onPath('lightningd');
}

/** eclair from `PATH`, by any of the names that its packages give the start script. */
export function findEclair(): string | undefined {
  return onPath('eclair-node') ?? onPath('eclair-node.sh');
}

/** Installs what these kinds of node need and can be installed. Again: nothing. @throws Error that names what is missing. */
export async function install(kinds: readonly NodeKind[], progress: Progress): Promise<void> {
  if (kinds.includes('cln') && findLightningd() === undefined) {
    throw new Error('Core Lightning is not installed: put lightningd on the PATH (there is no package of it to install here)');
  }
  if (kinds.includes('eclair') && findEclair() === undefined) {
    throw new Error('eclair is not installed: put eclair-node or eclair-node.sh on the PATH (there is no package of it to install here)');
  }
  await ensureBitcoind(progress);
  if (kinds.includes('lnd')) await ensureLnd(progress);
}

if (process.argv[1] === import.meta.filename) {
  const kinds = process.argv.slice(2).filter((word): word is NodeKind => word === 'lnd' || word === 'cln' || word === 'eclair');
  try {
    await install(kinds.length === 0 ? ['lnd'] : kinds, (line) => console.log(line));
    for (const [name, there] of Object.entries(whatIsInstalled())) console.log(`${name}: ${there ? 'installed' : 'not installed'}`);
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}
