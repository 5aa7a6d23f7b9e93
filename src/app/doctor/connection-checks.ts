import type { AdapterDefinition, CredentialFact } from '../../adapters/shared/definition.ts';
import type { LightningErrorCode } from '../../core/lightning/errors.ts';
import type { Check } from './diagnosis.ts';
import type { Asked, Observations } from './observe.ts';

const DAY_MS = 86_400_000;
const SOON_MS = 30 * DAY_MS;

/** Codes that mean that nothing answered, as against something that said no. */
const AWAY: readonly LightningErrorCode[] = ['UNAVAILABLE', 'TIMEOUT', 'CONNECTION_LOST', 'ABORTED'];

const ADVICE: Partial<Record<LightningErrorCode, string>> = {
  UNAVAILABLE: 'start the node, or correct where the config says that it is; if it has only just been started: --wait 60',
  TIMEOUT: 'see whether the node is overloaded, or give it longer: --timeout 60',
  CONNECTION_LOST: 'see whether the node is being restarted, and in its log why it ended the connection',
  UNAUTHENTICATED: "give the backend the node's own credential (docs/backends.md, Credentials)",
  WRONG_NETWORK: "set the config's network to the node's, or name the node that was meant",
  PROTOCOL: 'what answers there is not this kind of node, or a proxy stands before it: correct address, port and kind',
  INVALID_ARGUMENT: "correct the backend's config: it names something else than a node",
  NOT_SYNCED: 'wait until the node has caught up with the chain: --wait 600',
};

/** How the connection came out, and whether anything is there. */
export interface Connection {
  readonly check: Check;
  readonly reachable: boolean;
  /** Whether it answers us at all: everything else can be looked at. */
  readonly works: boolean;
}

/** Who answers, if anybody. */
export function checkConnection({ info, invoice }: Observations, kind: string, via: string | undefined): Connection {
  const name = 'connection';
  const place = via === undefined ? kind : `${kind}, ${via}`;
  if ('value' in info) return { check: { name, status: 'ok', detail: place }, reachable: true, works: true };
  const { code, message } = info.error;
  if (code === 'UNAUTHENTICATED' && invoice !== undefined && 'value' in invoice) {
    return { check: { name, status: 'ok', detail: place }, reachable: true, works: true };
  }
  const reachable = !AWAY.includes(code);
  const advice = via === undefined ? ADVICE[code] : adviceInPolar(code, via, reachable);
  const check: Check = { name, status: 'fail', detail: `${place}: ${message}`, ...(advice === undefined ? {} : { advice }) };
  return { check, reachable, works: false };
}

function adviceInPolar(code: LightningErrorCode, via: string, reachable: boolean): string | undefined {
  if (!reachable) return `start the network in Polar (${via})`;
  if (code === 'UNAUTHENTICATED') return `start the network in Polar (${via}): a node that never ran has no credentials`;
  return ADVICE[code];
}

/** Whether the adapter was made for this version. */
export function checkVersion({ info }: Observations, versions: AdapterDefinition['versions']): Check {
  const name = 'version';
  if ('error' in info) return unseen(name);
  const { version } = info.value;
  if (versions === undefined || versions.includes(version)) return { name, status: 'ok', detail: version };
  return {
    name,
    status: 'warn',
    detail: `${version} is not a version that the adapter was made for (${versions.text})`,
    advice: 'it works as long as the answers fit; look for a newer release of lightning-tickerplant before selling',
  };
}

/** Whether the node is where the chain is. */
export function checkSynced({ info }: Observations): Check {
  const name = 'synced';
  if ('error' in info) return unseen(name);
  const { synced, blockHeight } = info.value;
  if (synced) return { name, status: 'ok', detail: `at block ${blockHeight}` };
  const advice = 'wait until it has caught up (--wait 600); if the height does not grow, see whether its Bitcoin node runs';
  return { name, status: 'fail', detail: `at block ${blockHeight}, behind the chain`, advice };
}

/** When the credentials end, where that can be told; none where there is nothing to tell. */
export function checkExpiry(credentials: Asked<readonly CredentialFact[]> | undefined, now: number): readonly Check[] {
  if (credentials === undefined || 'error' in credentials) return [];
  return credentials.value.map(({ what, place, expiresAt }): Check => {
    if (expiresAt === undefined) return { name: what, status: 'ok', detail: `does not expire (${place})` };
    const on = new Date(expiresAt).toISOString().slice(0, 16).replace('T', ' ');
    const advice = `have the node make a new ${what} in its place: it is picked up without a restart`;
    if (expiresAt <= now) return { name: what, status: 'fail', detail: `expired ${on} UTC (${place})`, advice };
    const days = Math.floor((expiresAt - now) / DAY_MS);
    const detail = `expires ${on} UTC, in ${days === 1 ? '1 day' : `${days} days`} (${place})`;
    return expiresAt - now < SOON_MS ? { name: what, status: 'warn', detail, advice } : { name: what, status: 'ok', detail };
  });
}

/** What the credential may not ask. */
export function unseen(name: string): Check {
  const advice = 'look with a credential that may read, if you want to know';
  return { name, status: 'unseen', detail: 'this credential may not ask', advice };
}
