import type { Msat } from '../../core/lightning/amount.ts';
import type { LightningBackend } from '../../core/lightning/backend.ts';
import type { Clock } from '../../core/ports/clock.ts';
import type { BackendConfig } from '../config/backend.ts';
import { checkConnection, checkExpiry, checkSynced, checkVersion } from './connection-checks.ts';
import type { Check, Diagnosis, Purpose } from './diagnosis.ts';
import { type Observations, observe } from './observe.ts';
import { capacityOf, checkClock, checkInbound, checkInvoice, checkOutbound, checkRights, clockSkew, rightsOf } from './selling-checks.ts';

/** Whom to look at, and what for. */
export interface DiagnoseOptions {
  readonly backend: LightningBackend;
  /** What the backend was made from. */
  readonly config: BackendConfig;
  readonly purpose: Purpose;
  readonly clock: Clock;
  /** Ends all waiting; what was not answered by then is reported so. */
  readonly signal: AbortSignal;
  /** What one symbol costs, the dearest where there are several; any amount will do where it is left out. */
  readonly priceMsat?: Msat | undefined;
  /** Go on asking a node that is away or behind the chain until this moment, by `clock`. */
  readonly waitUntil?: number | undefined;
  /** Told why it is waited, a line each time that changes. */
  readonly onWaiting?: ((why: string) => void) | undefined;
}

const ASK_AGAIN_MS = 1_000;

/**
 * Looks at a node as a doctor would, and says what to do about whatever is wrong. Whatever can't be asked becomes a check,
 * never an exception. Makes one invoice of a satoshi at most and withdraws it, and changes nothing else at the node.
 */
export async function diagnose(options: DiagnoseOptions): Promise<Diagnosis> {
  const { backend, config, purpose, clock, signal, priceMsat } = options;
  await waitForNode(options);
  const { definition, config: parsed } = config;
  const inspectCredentials =
    definition.inspectCredentials === undefined ? undefined : async () => (await definition.inspectCredentials?.(parsed as never)) ?? [];
  const observations = await observe({ backend, clock, signal, inspectCredentials });
  const { check: connection, reachable, works } = checkConnection(observations, config.kind, config.via);
  const expiry = checkExpiry(observations.credentials, clock.now());
  const checks: readonly Check[] = works
    ? [
        connection,
        ...checkNetwork(observations),
        checkVersion(observations, definition.versions),
        checkSynced(observations),
        checkRights(observations, backend.capabilities, purpose, config.kind),
        ...expiry,
        checkInvoice(observations.invoice, backend.capabilities, purpose),
        checkClock(observations.invoice),
        checkInbound(observations, purpose, priceMsat),
        checkOutbound(observations, purpose),
      ]
    : [connection, ...expiry];
  return {
    kind: config.kind,
    ...(config.via === undefined ? {} : { via: config.via }),
    purpose,
    reachable,
    usable: checks.every(({ status }) => status !== 'fail'),
    ...facts(observations),
    checks,
  };
}

function checkNetwork({ info, identity }: Observations): readonly Check[] {
  const known = 'value' in info ? info.value : identity !== undefined && 'value' in identity ? identity.value : undefined;
  if (known === undefined) {
    const why = identity !== undefined && 'error' in identity ? identity.error.message : 'this credential may not ask';
    return [{ name: 'network', status: 'unseen', detail: why }];
  }
  const alias = 'alias' in known ? `, ${known.alias}` : '';
  return [{ name: 'network', status: 'ok', detail: `${known.network}, node ${known.nodeId}${alias}` }];
}

function facts(observations: Observations): Partial<Diagnosis> {
  const { info, identity, invoice } = observations;
  const known = identity !== undefined && 'value' in identity ? identity.value : undefined;
  const capacity = capacityOf(observations);
  const rights = rightsOf(observations);
  const clockSkewMs = clockSkew(invoice);
  return {
    ...(known === undefined ? {} : { network: known.network, nodeId: known.nodeId }),
    ...('value' in info ? pick(info.value) : {}),
    ...(rights === undefined ? {} : { rights }),
    ...(capacity === undefined ? {} : { inboundMsat: String(capacity.inboundMsat), outboundMsat: String(capacity.outboundMsat) }),
    ...(clockSkewMs === undefined ? {} : { clockSkewMs }),
  };
}

function pick({
  network,
  nodeId,
  alias,
  version,
  blockHeight,
  synced,
}: Extract<Observations['info'], { value: unknown }>['value']): Partial<Diagnosis> {
  return { network, nodeId, alias, version, blockHeight, synced };
}

/** A node that is starting or catching up is asked again until the time is up; the diagnosis then says what is the matter. */
async function waitForNode({ backend, clock, signal, waitUntil, onWaiting }: DiagnoseOptions): Promise<void> {
  let told: string | undefined;
  while (waitUntil !== undefined && clock.now() < waitUntil && !signal.aborted) {
    const why = await whyNotReady(backend, signal);
    if (why === undefined) return;
    if (why !== told) onWaiting?.(why);
    told = why;
    await clock.sleep(ASK_AGAIN_MS, signal).catch(() => undefined);
  }
}

async function whyNotReady(backend: LightningBackend, signal: AbortSignal): Promise<string | undefined> {
  try {
    const { synced, blockHeight } = await backend.node.info({ signal });
    return synced ? undefined : `behind the chain, at block ${blockHeight}`;
  } catch (error) {
    const { code, message } = error as { readonly code?: string; readonly message: string };
    return code === 'UNAVAILABLE' || code === 'NOT_SYNCED' || code === 'TIMEOUT' || code === 'CONNECTION_LOST' ? message : undefined;
  }
}
