import type { Clock } from '../core/ports/clock.ts';
import { LedgerError } from '../core/ports/ledger.ts';
import { silentLogger } from '../core/ports/logger.ts';
import type { PaymentIntents } from '../core/ports/payment-intents.ts';
import type { SettlementLog } from '../core/ports/settlement-log.ts';
import { openSqliteLedger, type SqliteLedger } from '../storage/ledger/sqlite-ledger.ts';

/** How long the file stays open after its last use: one payment's steps share an opening, other processes hardly wait. */
const IDLE_MS = 100;
const RETRY_MS = 50;
const PATIENCE_MS = 15_000;

/** What {@link PaymentStore} needs. */
export interface PaymentStoreOptions {
  readonly path: string;
  readonly clock: Clock;
}

/**
 * A payer's durable memory that several processes share, `sub` and `pay` at the same time: the file belongs to one process
 * at a time, so it is opened for each use and given back at once. Sharing it is what keeps two programs with the same
 * node from paying one invoice twice.
 */
export class PaymentStore implements AsyncDisposable {
  readonly intents: PaymentIntents = {
    find: (node, hash) => this.#use(({ intents }) => intents.find(node, hash)),
    findKeysend: (node, key) => this.#use(({ intents }) => intents.findKeysend(node, key)),
    begin: (intent) => this.#use(({ intents }) => intents.begin(intent)),
    record: (node, hash, outcome) => this.#use(({ intents }) => intents.record(node, hash, outcome)),
  };
  readonly settlementLog: SettlementLog = {
    append: (node, settlements) => this.#use(({ settlementLog }) => settlementLog.append(node, settlements)),
    after: (node, position, limit) => this.#use(({ settlementLog }) => settlementLog.after(node, position, limit)),
    head: (node) => this.#use(({ settlementLog }) => settlementLog.head(node)),
    checkpoint: (node) => this.#use(({ settlementLog }) => settlementLog.checkpoint(node)),
    saveCheckpoint: (node, checkpoint) => this.#use(({ settlementLog }) => settlementLog.saveCheckpoint(node, checkpoint)),
  };
  readonly #path: string;
  readonly #clock: Clock;
  #open: Promise<SqliteLedger> | undefined;
  #closing: Promise<void> = Promise.resolve();
  #users = 0;
  #idle: Disposable | undefined;
  #disposed = false;
  readonly #waiting: (() => void)[] = [];

  constructor(options: PaymentStoreOptions) {
    this.#path = options.path;
    this.#clock = options.clock;
  }

  /** Gives the file back. What is under way is finished first. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed = true;
    if (this.#users === 0) this.#close();
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    await this.#closing;
  }

  async #use<T>(work: (store: SqliteLedger) => Promise<T>): Promise<T> {
    if (this.#disposed) throw new LedgerError('CLOSED', `the payment store ${this.#path} is closed`);
    this.#users += 1;
    this.#idle?.[Symbol.dispose]();
    try {
      this.#open ??= this.#closing.then(() => this.#openPatiently());
      return await work(await this.#open);
    } catch (error) {
      // Whatever went wrong, the next use begins with a fresh opening.
      if (error instanceof LedgerError) this.#close();
      throw error;
    } finally {
      this.#users -= 1;
      if (this.#users === 0) this.#closeWhenIdle();
    }
  }

  async #openPatiently(): Promise<SqliteLedger> {
    const deadline = this.#clock.now() + PATIENCE_MS;
    for (;;) {
      try {
        return await openSqliteLedger({ path: this.#path, logger: silentLogger });
      } catch (error) {
        if (!(error instanceof LedgerError && error.code === 'LOCKED')) throw error;
        if (this.#clock.now() > deadline) {
          throw new LedgerError(
            'LOCKED',
            `the payment store ${this.#path} has been in use by another process for ${PATIENCE_MS / 1000} s; end that, or name another folder`,
            { cause: error },
          );
        }
        await this.#clock.sleep(RETRY_MS);
      }
    }
  }

  #closeWhenIdle(): void {
    if (this.#disposed) {
      this.#close();
      for (const resolve of this.#waiting.splice(0)) resolve();
      return;
    }
    this.#idle = this.#clock.setTimer(IDLE_MS, () => {
      if (this.#users === 0) this.#close();
    });
  }

  #close(): void {
    const open = this.#open;
    if (open === undefined) return;
    this.#open = undefined;
    this.#idle?.[Symbol.dispose]();
    this.#closing = Promise.all([this.#closing, open.then((store) => store[Symbol.asyncDispose]()).catch(() => undefined)]).then(
      () => undefined,
    );
  }
}
