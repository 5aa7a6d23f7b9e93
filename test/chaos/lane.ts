import { setTimeout as sleep } from 'node:timers/promises';
import type { Buyer } from './buyer.ts';
import { type Findings, isClean, NOTHING, sum, type Tally } from './facts.ts';
import { type Beginning, Contents, judge, judgeBeginnings, settledOf } from './judge.ts';
import { patient } from './patience.ts';
import { type Deed, nameOf, PAYMENTS_PER_KILL, type PlannedBuyer, type PlannedDeed, planRound } from './plan.ts';
import type { PlanRandom } from './random.ts';
import type { World } from './world.ts';

/** What a lane is told. */
export interface LaneOptions {
  readonly world: World;
  readonly random: PlanRandom;
  readonly kills: number;
  /** Ends everything at once; nothing is judged any more. */
  readonly signal: AbortSignal;
  /** The round that is under way is the last one. */
  readonly enough: AbortSignal;
  /** How long nothing may happen before what is still owed counts as lost. */
  readonly patienceMs: number;
  readonly onRound: (round: { readonly number: number; readonly tally: Tally; readonly notes: readonly string[] }) => void;
}

const KILLS_A_ROUND = 5;
/** Buyers that are on their way from start to first row at the same time. */
const AT_ONCE = 4;
const ON_THEIR_WAY_MS = 15_000;
const POLL_MS = 50;
const RESTING_POLL_MS = 200;
const UNSURE_AFTER_MS = 3_000;
const MOST_ROUNDS_OF_A_LIFE = 4;

/** Rounds in one world: buyers come, processes are killed, everything comes to rest and is judged. Ends with the first violation. */
export class Lane {
  readonly #options: LaneOptions;
  readonly #contents = new Contents();
  readonly #beginnings: Beginning[] = [];
  readonly #done = new Map<string, number>();
  #tally: Tally = NOTHING;
  #badBooks: readonly string[] = [];
  #survivors: Buyer[] = [];
  #pending: Promise<unknown>[] = [];
  #waiting = new Map<PlannedDeed, () => void>();

  constructor(options: LaneOptions) {
    this.#options = options;
  }

  get tally(): Tally {
    return this.#tally;
  }

  /** Whether nothing is violated, and the seller's books are in order. */
  get clean(): boolean {
    return isClean(this.#tally) && this.#badBooks.length === 0;
  }

  /** How often each kind of deed has really been done. */
  get done(): ReadonlyMap<string, number> {
    return this.#done;
  }

  /** Runs until all kills are done and paid for, a violation is found, or it is enough. Answers what was found, in words. */
  async run(): Promise<readonly string[]> {
    const { kills, signal, enough } = this.#options;
    for (let number = 1; !enough.aborted; number += 1) {
      const left = kills - this.#tally.kills;
      const owed = PAYMENTS_PER_KILL * kills - this.#tally.paid;
      if (left <= 0 && owed <= 0) break;
      const words = await this.#round(number, Math.min(left, KILLS_A_ROUND), left > KILLS_A_ROUND ? undefined : owed);
      if (!isClean(this.#tally)) return words;
    }
    return signal.aborted ? [] : await this.#end();
  }

  /** Lets go of those who are left, and looks into the seller's books. */
  async #end(): Promise<readonly string[]> {
    const { world } = this.#options;
    const words: string[] = [];
    if (this.#survivors.length > 0) {
      await this.#rest();
      const found = await this.#settle(this.#survivors, [], true);
      this.#tally = sum(this.#tally, found.tally);
      words.push(...found.words);
    }
    this.#badBooks = await world.closeBooks();
    const found = judgeBeginnings(this.#beginnings, world.grantsBegin());
    this.#tally = sum(this.#tally, found.tally);
    return [...words, ...found.words, ...this.#badBooks];
  }

  async #round(number: number, kills: number, payments: number | undefined): Promise<readonly string[]> {
    const { world, random, onRound, signal } = this.#options;
    const least = kills * PAYMENTS_PER_KILL + 1;
    const { faulty, buyers: wallets } = world.network;
    const listener = world.listener !== undefined;
    const payers = Math.min(payments === undefined ? least : Math.max(1, payments), KILLS_A_ROUND * PAYMENTS_PER_KILL + 1);
    const plan = planRound(random.fork(`round-${number}`), {
      kills,
      payers,
      wallets: wallets.length,
      faulty,
      wires: world.wires.length,
      listener,
    });
    const fresh = plan.buyers.map((planned) => ({ planned, buyer: world.buyer(planned) }));
    const buyers = [...this.#survivors, ...fresh.map(({ buyer }) => buyer)];
    this.#schedule(
      plan.deeds,
      fresh.map(({ buyer }) => buyer),
      buyers,
    );
    await this.#letThemCome(fresh.map(({ buyer }) => buyer));
    if (signal.aborted) return [];
    await this.#rest();
    const before = this.#tally;
    const found = await this.#settle(buyers, fresh);
    this.#tally = sum(this.#tally, found.tally);
    const notes = [...world.notes.splice(0), ...found.words];
    const { tally } = this;
    onRound({ number, tally: { ...tally, kills: tally.kills - before.kills }, notes });
    return found.words;
  }

  /** Every deed waits for its moment; what has not come by the end of the round is done then. */
  #schedule(deeds: readonly PlannedDeed[], fresh: readonly Buyer[], all: readonly Buyer[]): void {
    this.#waiting = new Map();
    for (const planned of deeds) {
      const buyer = fresh[planned.buyer];
      const victim = planned.moment === 'start' ? (all[planned.buyer % all.length] ?? buyer) : buyer;
      const run = (): void => {
        if (!this.#waiting.delete(planned)) return;
        this.#pending.push(sleep(planned.afterMs).then(() => this.#do(planned.deed, victim)));
      };
      this.#waiting.set(planned, run);
      buyer?.at(planned.moment, run);
    }
  }

  async #letThemCome(fresh: readonly Buyer[]): Promise<void> {
    const { signal } = this.#options;
    const queue = [...fresh];
    const walk = async (): Promise<void> => {
      for (let buyer = queue.shift(); buyer !== undefined && !signal.aborted; buyer = queue.shift()) {
        buyer.start();
        const { pays } = buyer;
        const deadline = performance.now() + (pays ? ON_THEIR_WAY_MS : 0);
        while (!buyer.flowing && !signal.aborted && performance.now() < deadline) await sleep(POLL_MS);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, walk));
  }

  /** Does what is left to do, and waits until everything is up. */
  async #rest(): Promise<void> {
    for (const run of [...this.#waiting.values()]) run();
    while (this.#pending.length > 0) await Promise.all(this.#pending.splice(0));
    await this.#options.world.calm();
  }

  async #do(deed: Deed, buyer: Buyer | undefined): Promise<void> {
    const { world, random } = this.#options;
    const later = (ms: number, undo: () => unknown): void => {
      this.#pending.push(sleep(ms).then(undo));
    };
    let done = true;
    switch (deed.kind) {
      case 'kill-server':
        done = await world.restartServer('SIGKILL');
        break;
      case 'kill-network':
        done = await world.network.kill(random.below(1_000));
        break;
      case 'kill-buyer':
        done = (await buyer?.kill()) ?? false;
        break;
      case 'stop-server':
        done = await world.restartServer('SIGTERM');
        break;
      case 'kill-listener':
        done = (await world.listener?.restart('SIGKILL')) ?? false;
        break;
      case 'stop-listener':
        done = (await world.listener?.restart('SIGTERM')) ?? false;
        break;
      case 'lose-outbox':
        done = (await world.listener?.loseOutbox()) ?? false;
        break;
      case 'switch-source':
        done = await world.switchSource();
        break;
      case 'fault': {
        const { order, untilMs } = deed;
        done = await world.network.fault(order);
        if (untilMs !== undefined && order.kind === 'refuse') later(untilMs, () => world.network.fault({ ...order, refuse: false }));
        break;
      }
      case 'wire': {
        const wire = world.wires[deed.wire];
        if (deed.how === 'cut') done = (wire?.cut() ?? 0) > 0;
        else {
          wire?.[deed.how]();
          later(deed.untilMs, () => wire?.mend());
        }
        break;
      }
      case 'disk-full':
        done = world.disk.fill();
        later(deed.untilMs, () => world.disk.free());
        break;
      case 'clock':
        done = world.setClock(deed.offsetMs);
        break;
    }
    if (!done) return;
    const name = nameOf(deed);
    this.#done.set(name, (this.#done.get(name) ?? 0) + 1);
    if (name.startsWith('kill-')) this.#tally = sum(this.#tally, { kills: 1 });
  }

  /** Waits until everybody has what is owed, ends those whose time has come, and judges all. */
  async #settle(
    buyers: readonly Buyer[],
    fresh: readonly { readonly planned: PlannedBuyer; readonly buyer: Buyer }[],
    last = false,
  ): Promise<Findings> {
    const { world } = this.#options;
    const mark = highest(buyers);
    await this.#patiently(buyers, mark);
    const survivors = new Set<Buyer>();
    for (const buyer of buyers) {
      const end = fresh.find((each) => each.buyer === buyer)?.planned.end;
      buyer.rounds += 1;
      const stays = !last && buyer.pays && buyer.rounds < MOST_ROUNDS_OF_A_LIFE && (this.#survivors.includes(buyer) || end === undefined);
      if (stays) survivors.add(buyer);
      else await buyer.retire(end ?? 'SIGINT');
    }
    const settled = settledOf(await world.network.payments());
    const all = [...settled.values()].reduce((count, times) => count + times, 0);
    const judged = judge({
      buyers: buyers.filter((buyer) => !survivors.has(buyer)),
      settled,
      mark,
      beginnings: this.#beginnings,
      contents: this.#contents,
    });
    const hopeless = buyers.flatMap(({ name, hopeless: why }) => (why === undefined ? [] : [`${name} can't go on: ${why}`]));
    if (isClean(sum(NOTHING, judged.tally))) for (const buyer of buyers) if (!survivors.has(buyer)) buyer.remove();
    this.#survivors = [...survivors];
    return { tally: { ...judged.tally, paid: all - this.#tally.paid }, words: [...judged.words, ...hopeless] };
  }

  /** Until every payer has rows up to the mark, or nobody gets any further. */
  async #patiently(buyers: readonly Buyer[], mark: ReadonlyMap<string, number>): Promise<void> {
    const { patienceMs, signal } = this.#options;
    const progress = (): number => buyers.reduce((count, buyer) => count + buyer.told, 0);
    let told = progress();
    let missing = Number.POSITIVE_INFINITY;
    let waited = 0;
    for (let before = performance.now(); !signal.aborted; ) {
      const late = buyers.filter((buyer) => buyer.pays && buyer.hopeless === undefined && !(buyer.flowing && hasAll(buyer, mark)));
      const now = late.length;
      if (now === 0 || (waited > UNSURE_AFTER_MS && (await this.#nothingIsUnderWay(late)))) return;
      if (now < missing || progress() > told) waited = 0;
      missing = Math.min(missing, now);
      told = progress();
      if (waited > patient(patienceMs)) return;
      await sleep(RESTING_POLL_MS);
      // Where we were stopped ourselves, nobody else could get on either.
      waited += Math.min(performance.now() - before, 1_000);
      before = performance.now();
    }
  }

  /**
   * Whether all of these wait for their invoices to expire: killed on the way to a node that says nothing of a payment which it may not
   * have been asked for (eclair), so that asking again might pay twice.
   */
  async #nothingIsUnderWay(buyers: readonly Buyer[]): Promise<boolean> {
    if (!buyers.every((buyer) => buyer.unsure)) return false;
    for (const buyer of buyers) buyer.readState();
    const known = new Set((await this.#options.world.network.payments()).map(({ paymentHash }) => paymentHash));
    return buyers.every(({ hashes }) => ![...hashes].some((hash) => known.has(hash)));
  }
}

function highest(buyers: readonly Buyer[]): ReadonlyMap<string, number> {
  const mark = new Map<string, number>();
  for (const buyer of buyers) for (const [sym, seq] of buyer.position()) mark.set(sym, Math.max(seq, mark.get(sym) ?? 0));
  return mark;
}

function hasAll(buyer: Buyer, mark: ReadonlyMap<string, number>): boolean {
  const position = buyer.position();
  return buyer.syms.every((sym) => (position.get(sym) ?? 0) >= (mark.get(sym) ?? 0));
}
