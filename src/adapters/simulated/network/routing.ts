import { type Msat, msat } from '../../../core/lightning/amount.ts';
import type { ChannelPolicy } from '../../../core/lightning/channel.ts';
import type { Outpoint } from '../../../core/lightning/identifiers.ts';
import type { HopRecord } from './records.ts';

/** One direction of a channel: what can be sent through it, and what its sender asks for forwarding. */
export interface Edge {
  readonly channel: Outpoint;
  readonly from: string;
  readonly to: string;
  readonly spendableMsat: Msat;
  readonly policy: ChannelPolicy;
}

/** A way from payer to payee, with what each hop has to carry. */
export interface Route {
  readonly hops: readonly HopRecord[];
  readonly amountMsat: Msat;
  readonly feeMsat: Msat;
}

/** Where a route goes. With `first` or `last` it must begin or end with that channel (rebalancing). */
export interface RouteQuery {
  readonly from: string;
  readonly to: string;
  readonly amountMsat: Msat;
  readonly first?: Outpoint | undefined;
  readonly last?: Outpoint | undefined;
}

/** BOLT 4: an onion has room for so many. */
const MAX_HOPS = 20;
/** A payment is split into at most as many parts. */
const MAX_PARTS = 16;

interface Step {
  readonly node: string;
  /** What must arrive here for the rest of the way. */
  readonly amountMsat: bigint;
  readonly hops: number;
  readonly edge: Edge | undefined;
  readonly next: Step | undefined;
}

/** The fee that a policy asks for an amount (BOLT 7), rounded down as BOLT 7 does. */
export function forwardingFee(policy: ChannelPolicy, amountMsat: bigint): bigint {
  return policy.baseFeeMsat + (amountMsat * BigInt(policy.feeRatePpm)) / 1_000_000n;
}

/**
 * The cheapest route that can carry an amount: Dijkstra from the payee backwards, since what a hop must carry is known only
 * from behind. Undefined where there is none.
 */
export function findRoute(edges: readonly Edge[], query: RouteQuery): Route | undefined {
  const incoming = Map.groupBy(edges, (edge) => edge.to);
  const best = new Map<string, Step>();
  const open: Step[] = [{ node: query.to, amountMsat: query.amountMsat, hops: 0, edge: undefined, next: undefined }];
  for (let step = takeCheapest(open); step !== undefined; step = takeCheapest(open)) {
    // A circular route comes back to where it starts: the start counts as reached only after a hop.
    const key = step.edge === undefined ? '' : step.node;
    if (best.has(key)) continue;
    best.set(key, step);
    if (step.edge !== undefined && step.node === query.from) return toRoute(step, query.amountMsat);
    if (step.hops === MAX_HOPS) continue;
    for (const edge of incoming.get(step.node) ?? []) {
      const allowed = edge.from === query.from ? query.first === undefined || edge.channel === query.first : edge.from !== query.to;
      if (!allowed || (step.edge === undefined && query.last !== undefined && edge.channel !== query.last)) continue;
      if (edge.channel === step.edge?.channel || edge.spendableMsat < step.amountMsat) continue;
      const fee = edge.from === query.from ? 0n : forwardingFee(edge.policy, step.amountMsat);
      open.push({ node: edge.from, amountMsat: step.amountMsat + fee, hops: step.hops + 1, edge, next: step });
    }
  }
  return undefined;
}

/**
 * Routes that together carry an amount: one where one can, else the largest parts that go, one after the other.
 * Undefined where the network can't carry it, or not in 16 parts.
 */
export function findRoutes(edges: readonly Edge[], query: RouteQuery, maxParts: number = MAX_PARTS): readonly Route[] | undefined {
  const routes: Route[] = [];
  let left: readonly Edge[] = edges;
  let amountMsat: Msat = query.amountMsat;
  while (routes.length < maxParts) {
    const rest = findRoute(left, { ...query, amountMsat });
    if (rest !== undefined) return [...routes, rest];
    if (routes.length === maxParts - 1) return undefined;
    const part = largestRoute(left, { ...query, amountMsat });
    if (part === undefined) return undefined;
    routes.push(part);
    left = without(left, part);
    amountMsat = msat(amountMsat - part.amountMsat);
  }
  return undefined;
}

function largestRoute(edges: readonly Edge[], query: RouteQuery): Route | undefined {
  let low = 0n;
  let high: bigint = query.amountMsat;
  let best: Route | undefined;
  while (high - low > 1n) {
    const amountMsat = msat((low + high) / 2n);
    const route = findRoute(edges, { ...query, amountMsat });
    if (route === undefined) high = amountMsat;
    else {
      best = route;
      low = amountMsat;
    }
  }
  return best;
}

function without(edges: readonly Edge[], route: Route): readonly Edge[] {
  const used = new Map(route.hops.map((hop) => [`${hop.channel} ${hop.from}`, hop.amountMsat]));
  return edges.map((edge) => {
    const taken = used.get(`${edge.channel} ${edge.from}`);
    return taken === undefined ? edge : { ...edge, spendableMsat: msat(edge.spendableMsat - taken) };
  });
}

/** Cheapest first, then the shortest; among equals the one that came first, so that runs repeat. */
function takeCheapest(open: Step[]): Step | undefined {
  let at = 0;
  for (const [index, step] of open.entries()) {
    const best = open[at] as Step;
    if (step.amountMsat < best.amountMsat || (step.amountMsat === best.amountMsat && step.hops < best.hops)) at = index;
  }
  return open.splice(at, 1)[0];
}

function toRoute(start: Step, amountMsat: Msat): Route {
  const hops: HopRecord[] = [];
  for (let step = start; step.edge !== undefined && step.next !== undefined; step = step.next) {
    const { channel, from, to } = step.edge;
    hops.push({ channel, from, to, amountMsat: msat(step.next.amountMsat) });
  }
  return { hops, amountMsat, feeMsat: msat(start.amountMsat - amountMsat) };
}
