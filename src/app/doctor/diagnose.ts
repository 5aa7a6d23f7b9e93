import type { Msat } from '../../core/lightning/amount.ts';
import type { LightningBackend } from '../../core/lightning/backend.ts';
import type { LightningErrorCode } from '../../core/lightning/errors.ts';
import type { Clock } from '../../core/ports/clock.ts';
import type { BackendConfig } from '../config/backend.ts';
import { checkConnection, checkExpiry, checkSynced, checkVersion } from './connection-checks.ts';
import type { Check, Diagnosis, Purpose } from './diagnosis.ts';
import { asked, type Observations, observe } from './observe.ts';
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
  /** How long the answers may take, the waiting for the node not counted; no limit unless given. */
  readonly timeoutMs?: number;
  /** What one symbol costs, the dearest where there are several; any amount will do where it is left out. */
  readonly priceMsat?: Msat | undefined;
  /** Go on asking a node that is away or behind the chain until this moment, by `clock`. */
  readonly waitUntil?: number | undefined;
  /** What else was looked at, elsewhere than at the node. */
  readonly further?: readonly Check[];
  /** Looks at what else is needed: the listener that a server follows. */
  readonly alsoCheck?: ((observed: Observations, signal: AbortSignal) => Promise<Check>) | undefined;
  /** Told why it is waited, a line each time that changes. */
  readonly onWaiting?: ((why: string) => void) | undefined;
}

const ASK_AGAIN_MS = 1_000;
const READY_ANSWER_MS = 10_000;
const WORTH_WAITING: readonly LightningErrorCode[] = ['UNAVAILABLE', 'NOT_SYNCED', 'TIMEOUT', 'CONNECTION_LOST'];

/**
 * Looks at a node as a doctor would, and says what to do about whatever is wrong. Whatever can't be asked becomes a check,
 * never an exception. Makes one invoice of a satoshi at most and withdraws it, and changes nothing else at the node.
 */
export async function diagnose(options: DiagnoseOptions): Promise<Diagnosis> {
  const { backend, config, purpose, clock, priceMsat } = options;
  await waitForNode(options);
  const { definition, config: parsed } = config;
  const inspectCredentials =
    definition.inspectCredentials === undefined ? undefined : async () => (await definition.inspectCredentials?.(parsed as never)) ?? [];
  const { timeoutMs } = options;
  const observations = await withDeadline(clock, options.signal, timeoutMs, (signal) =>
    observe({ backend, clock, signal, inspectCredentials }),
  );
  const { check: connection, reachable, works } = checkConnection(observations, config.kind, config.via);
  const expiry = checkExpiry(observations.credentials, clock.now());
  const { alsoCheck } = options;
  const also =
    alsoCheck === undefined ? [] : [await withDeadline(clock, options.signal, timeoutMs, (signal) => alsoCheck(observations, signal))];
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
        ...also,
      ]
    : [connection, ...expiry, ...also];
  const all = [...checks, ...(options.further ?? [])];
  return {
    kind: config.kind,
    ...(config.via === undefined ? {} : { via: config.via }),
    purpose,
    reachable,
    usable: checks.every(({ status }) => status !== 'fail'),
    ...facts(observations),
    checks: all,
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
    const answerMs = Math.min(READY_ANSWER_MS, waitUntil - clock.now());
    const why = await withDeadline(clock, signal, answerMs, (limited) => whyNotReady(backend, limited));
    if (why === undefined) return;
    if (why !== told) onWaiting?.(why);
    told = why;
    await clock.sleep(ASK_AGAIN_MS, signal).catch(() => undefined);
  }
}

async function whyNotReady(backend: LightningBackend, signal: AbortSignal): Promise<string | undefined> {
  const info = await asked('node.info', signal, () => backend.node.info({ signal }));
  if ('value' in info) return info.value.synced ? undefined : `behind the chain, at block ${info.value.blockHeight}`;
  return WORTH_WAITING.includes(info.error.code) ? info.error.message : undefined;
}

/** Gives work a signal that is aborted with another one, or when its time is up. */
async function withDeadline<T>(
  clock: Clock,
  signal: AbortSignal,
  timeoutMs: number | undefined,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  if (timeoutMs === undefined) return await work(signal);
  const late = new AbortController();
  const timer = clock.setTimer(timeoutMs, () => late.abort());
  try {
    return await work(AbortSignal.any([signal, late.signal]));
  } finally {
    timer[Symbol.dispose]();
  }
}
