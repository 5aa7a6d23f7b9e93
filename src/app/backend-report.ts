import type { LightningBackend, NodeIdentity, NodeInfo } from '../core/lightning/backend.ts';
import { isLightningError } from '../core/lightning/errors.ts';

/** What can be said of a backend. Amounts are decimal strings of msat; what the credential may not see is left out. */
export interface BackendReport {
  readonly kind: string;
  readonly reachable: boolean;
  readonly node: NodeInfo | undefined;
  /** Where the credential may not ask for {@link node}. */
  readonly identity: NodeIdentity | undefined;
  readonly channels: { readonly outboundMsat: string; readonly inboundMsat: string; readonly pendingMsat: string } | undefined;
  readonly wallet: { readonly confirmedMsat: string; readonly unconfirmedMsat: string } | undefined;
  /** By the names of `Capabilities`; `feeCapStepMsat` as a decimal string. */
  readonly capabilities: Readonly<Record<string, boolean | string>>;
  /** What to know or do about it, for people. */
  readonly problems: readonly string[];
}

/** Asks a backend all that `backend info` shows; what can't be asked becomes a problem, never an exception. */
export async function reportBackend(backend: LightningBackend, signal: AbortSignal): Promise<BackendReport> {
  const problems: string[] = [];
  const ask = async <T>(what: string, call: () => Promise<T>): Promise<T | undefined> => {
    try {
      return await within(call(), signal);
    } catch (error) {
      const denied = isLightningError(error, 'UNAUTHENTICATED');
      problems.push(`${what}: ${denied ? 'not visible with this credential' : reasonOf(error)}`);
      return undefined;
    }
  };
  const node = await ask('node', () => backend.node.info({ signal }));
  const identity = node ?? (await whoIsIt(backend, signal, problems));
  const reachable = identity !== undefined;
  const channels = reachable ? await ask('channel balances', () => backend.channels.balances({ signal })) : undefined;
  const wallet = reachable ? await ask('on-chain balance', () => backend.wallet.balance({ signal })) : undefined;
  if (node?.synced === false) problems.push('the node is behind the chain: wait until it has caught up before selling');
  if (channels !== undefined && channels.remoteMsat === 0n)
    problems.push(
      'nobody can pay this node yet: it has no inbound capacity (let somebody open a channel to it, or open one with a push amount)',
    );
  return {
    kind: backend.kind,
    reachable,
    node,
    identity: identity === undefined ? undefined : { network: identity.network, nodeId: identity.nodeId },
    channels: channels && {
      outboundMsat: String(channels.localMsat),
      inboundMsat: String(channels.remoteMsat),
      pendingMsat: String(channels.pendingLocalMsat),
    },
    wallet: wallet && { confirmedMsat: String(wallet.confirmedMsat), unconfirmedMsat: String(wallet.unconfirmedMsat) },
    capabilities: Object.fromEntries(
      Object.entries(backend.capabilities).map(([name, value]) => [name, typeof value === 'bigint' ? String(value) : value]),
    ),
    problems,
  };
}

/** Who the node is, where no more of it may be seen. Where not even that is answered, why not is all that there is to say. */
async function whoIsIt(backend: LightningBackend, signal: AbortSignal, problems: string[]): Promise<NodeIdentity | undefined> {
  try {
    return await within(backend.node.identity({ signal }), signal);
  } catch (error) {
    problems.splice(0, problems.length, `node: ${reasonOf(error)}`);
    return undefined;
  }
}

function reasonOf(error: unknown): string {
  if (isLightningError(error, 'ABORTED')) return 'the node did not answer in time';
  return error instanceof Error ? error.message : String(error);
}

/** The answer, or the end of the wait, also where an adapter does not hear the signal. */
function within<T>(call: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const late = () => reject(new Error('the node did not answer in time'));
    if (signal.aborted) late();
    signal.addEventListener('abort', late, { once: true });
    call.then(resolve, reject).finally(() => signal.removeEventListener('abort', late));
  });
}
