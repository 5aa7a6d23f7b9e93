import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { COMMAND, Program } from './program.ts';
import { type AnnouncedGap, lastNumbers, readWritten, type Written } from './rows.ts';

/** Stages of a buyer's life that its standard error tells of, beside `start`, which is when its process is started. */
export const MOMENTS = ['start', 'quote', 'paying', 'paid', 'active', 'first-tick'] as const;
export type Moment = (typeof MOMENTS)[number];

/** A buyer to be. */
export interface BuyerOptions {
  readonly name: string;
  readonly url: string;
  readonly syms: readonly string[];
  /** Its wallet's file; left out, it looks at the price and pays nothing. */
  readonly wallet: string | undefined;
  /** Where its state and its rows are: a disk that may be full. */
  readonly dir: string;
  /** Where its wallet remembers payments; several buyers may share it. */
  readonly xdg: string;
  readonly logs: string;
  readonly preload: readonly string[];
  /** Whether a further run goes on in the file of the one before. */
  readonly sameFile: (run: number) => boolean;
  /** It has been ended for good. */
  readonly onRetired?: () => void;
}

/** What a buyer says while its payment's outcome is unknown. */
const UNKNOWN = 'the payment is unknown';
const BUDGET_SAT = 1_000;
const AGAIN_MS = 150;
const GIVE_UP_AFTER = 30;

/** `tickerplant sub` as a process of its own, under a supervisor that starts it again whenever it ends. */
export class Buyer {
  readonly name: string;
  readonly syms: readonly string[];
  readonly pays: boolean;
  readonly gaps: AnnouncedGap[] = [];
  /** Payment hashes of every quote that it was given. */
  readonly hashes: Set<string> = new Set();
  /** Symbol → the first number that was paid for, as it was told. */
  readonly first: Map<string, number> = new Map();
  subscription: string | undefined;
  /** It was told that a payment of its own has taken effect, or was given rows. */
  activated = false;
  /** Its wallet can't tell whether its payment is under way. */
  unsure = false;
  /** How often it has got further: what it is told while it only waits does not count. */
  told = 0;
  /** Rounds that it has lived through. */
  rounds = 0;
  readonly #options: BuyerOptions;
  readonly #program: Program;
  readonly #files: string[] = [];
  readonly #moments = new Map<Moment, () => void>();
  readonly #failures: string[] = [];
  #retired: NodeJS.Signals | undefined;
  #flowing = false;

  constructor(options: BuyerOptions) {
    this.#options = options;
    const { name, url, syms, wallet, dir, xdg, logs, preload } = options;
    this.name = name;
    this.syms = syms;
    this.pays = wallet !== undefined;
    mkdirSync(dir, { recursive: true });
    const paying = wallet === undefined ? [] : ['--wallet', wallet, '--budget', String(BUDGET_SAT)];
    this.#program = new Program({
      name,
      args: [COMMAND, 'sub', url, 'trade', ...syms, ...paying, '--state', join(dir, 'state'), '--format', 'ndjson', '--json'],
      preload,
      env: { XDG_STATE_HOME: xdg },
      watch: 'stderr',
      onLine: (line) => this.#onLine(line),
      log: join(logs, `${name}.log`),
      other: () => this.#nextFile(),
      onExit: () => this.#startAgain(),
    });
  }

  /** Rows have come since it was last started. */
  get flowing(): boolean {
    return this.#flowing;
  }

  /** Why it is not of use: it has ended by itself again and again. */
  get hopeless(): string | undefined {
    return this.#failures.length < GIVE_UP_AFTER ? undefined : (this.#failures.at(-1) ?? 'it ends at once');
  }

  start(): void {
    this.#flowing = false;
    this.#program.start();
    this.#reached('start');
  }

  /** Calls back once, when it next reaches a moment of its life. */
  at(moment: Moment, callback: () => void): void {
    this.#moments.set(moment, callback);
  }

  /** Kills it and starts it again. False where it was not running. */
  async kill(): Promise<boolean> {
    this.#flowing = false;
    return await this.#program.restart('SIGKILL');
  }

  /** Ends it for good. */
  async retire(signal: NodeJS.Signals): Promise<void> {
    this.#retired = signal;
    await this.#program.end(signal);
    this.#options.onRetired?.();
  }

  /** The last number of each symbol that it has written. */
  position(): ReadonlyMap<string, number> {
    const last = new Map<string, number>();
    for (const file of new Set(this.#files.slice(-2))) {
      for (const [sym, seq] of lastNumbers(file)) last.set(sym, Math.max(seq, last.get(sym) ?? 0));
    }
    return last;
  }

  /** All that it wrote. */
  written(): Written {
    return readWritten([...new Set(this.#files)], this.#retired === 'SIGKILL' || this.#retired === undefined);
  }

  /** What its state remembers of quotes, where the process was killed before it could tell. */
  readState(): void {
    let text: string;
    try {
      text = readFileSync(join(this.#options.dir, 'state/subscription.json'), 'utf8');
    } catch {
      return;
    }
    for (const [, hash = ''] of text.matchAll(/"paymentHash": "([0-9a-f]{64})"/g)) this.hashes.add(hash);
    this.subscription ??= /"subscription": "([0-9a-f]+)"/.exec(text)?.[1];
  }

  /** Removes what it wrote. */
  remove(): void {
    rmSync(this.#options.dir, { recursive: true, force: true });
    rmSync(join(this.#options.logs, `${this.name}.log`), { force: true });
  }

  #nextFile(): string {
    const last = this.#files.at(-1);
    const run = this.#files.length;
    const file = last !== undefined && this.#options.sameFile(run) ? last : join(this.#options.dir, `rows.${run}.ndjson`);
    this.#files.push(file);
    return file;
  }

  #startAgain(): void {
    this.#flowing = false;
    setTimeout(() => {
      if (this.#retired === undefined && this.hopeless === undefined) this.start();
    }, AGAIN_MS);
  }

  #onLine(line: string): void {
    let event: Readonly<Record<string, unknown>>;
    try {
      event = JSON.parse(line) as Readonly<Record<string, unknown>>;
    } catch {
      this.#failures.push(line);
      return;
    }
    this.unsure = event['event'] === 'status' ? event['detail'] === UNKNOWN || (this.unsure && event['state'] !== 'waiting') : false;
    switch (event['event']) {
      case 'quote': {
        const { paymentHash, subscription } = event['quote'] as { readonly paymentHash: string; readonly subscription: string };
        this.hashes.add(paymentHash);
        this.subscription = subscription;
        return this.#reached('quote');
      }
      case 'paying':
        return this.#reached('paying');
      case 'paid':
        return this.#reached('paid');
      case 'active':
        this.activated = true;
        for (const [sym, seq] of Object.entries(event['next'] as Readonly<Record<string, number>>)) this.first.set(sym, seq);
        return this.#reached('active');
      case 'resumed':
        this.activated = true;
        return this.#reached('active');
      case 'first-tick':
        this.activated = true;
        this.#flowing = true;
        return this.#reached('first-tick');
      case 'gap':
        this.gaps.push(event as unknown as AnnouncedGap);
        return;
      default:
    }
  }

  #reached(moment: Moment): void {
    if (moment !== 'start') this.told += 1;
    const callback = this.#moments.get(moment);
    this.#moments.delete(moment);
    callback?.();
  }
}
