import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { LedgerError } from '../../core/ports/ledger.ts';
import { type DatabaseThread, takeThread } from './database-threads.ts';
import type { CopiedLedger } from './file/copy-pages.ts';
import type { Answer, BookName, CommandArgs, CommandName, CommandResult, Failure, PortName, Request, Response } from './messages.ts';

interface Waiting {
  readonly resolve: (value: never) => void;
  readonly reject: (error: LedgerError) => void;
}

/** The main thread's end of the ledger's thread. It keeps the process alive only while a command waits for its answer. */
export class LedgerThread implements AsyncDisposable {
  readonly #thread: DatabaseThread;
  readonly #port: MessagePort;
  readonly #path: string;
  readonly #waiting = new Map<number, Waiting>();
  readonly #opened: PromiseWithResolvers<Extract<Response, { kind: 'opened' }>>;
  readonly #ended: PromiseWithResolvers<void>;
  #nextId = 1;
  #state: 'open' | 'closing' | 'ended' = 'open';

  constructor(path: string, book: BookName = 'ledger') {
    this.#path = path;
    this.#opened = withResolvers();
    this.#ended = withResolvers();
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    this.#port.on('message', (response: Response) => this.#receive(response));
    this.#thread = takeThread();
    this.#thread.open({ path, book }, port2, (error) =>
      this.#end(
        error === undefined
          ? this.#closedError()
          : new LedgerError('IO', `the thread of the ledger ${path} ended: ${error.message}`, { cause: error }),
      ),
    );
  }

  /** Resolves when the ledger is open. @throws LedgerError why it is not. */
  opened(): Promise<Extract<Response, { kind: 'opened' }>> {
    return this.#opened.promise;
  }

  /** Sends a command; resolves when it is committed. @throws LedgerError */
  call<P extends PortName, C extends CommandName<P>>(port: P, command: C, ...args: CommandArgs<P, C>): Promise<CommandResult<P, C>> {
    return this.#ask((id) => ({ kind: 'command', id, port, command, args }));
  }

  /** Copies the ledger as it is committed now, while commands go on. @throws LedgerError */
  copy(target: string, overwrite: boolean): Promise<CopiedLedger> {
    return this.#ask((id) => ({ kind: 'copy', id, target, overwrite }));
  }

  /** Commits what was sent, closes the file and frees its lock. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#state === 'open') {
      this.#state = 'closing';
      this.#ref();
      this.#send({ kind: 'close' });
    }
    await this.#ended.promise;
  }

  #ask<T>(requestOf: (id: number) => Request): Promise<T> {
    if (this.#state !== 'open') return Promise.reject(this.#closedError());
    return new Promise((resolve, reject) => {
      const id = this.#nextId++;
      this.#send(requestOf(id));
      if (this.#waiting.size === 0) this.#ref();
      this.#waiting.set(id, { resolve, reject });
    });
  }

  #send(request: Request): void {
    this.#port.postMessage(request);
  }

  #receive(response: Response): void {
    switch (response.kind) {
      case 'opened':
        this.#unref();
        this.#opened.resolve(response);
        break;
      case 'refused':
        this.#state = 'closing';
        this.#opened.reject(toError(response.failure));
        this.#free();
        break;
      case 'answers':
        for (const answer of response.answers) this.#settle(answer);
        if (this.#waiting.size === 0 && this.#state === 'open') this.#unref();
        break;
      case 'closed':
        this.#free();
        break;
    }
  }

  #settle(answer: Answer): void {
    const waiting = this.#waiting.get(answer.id);
    this.#waiting.delete(answer.id);
    if ('failure' in answer) waiting?.reject(toError(answer.failure));
    else waiting?.resolve(answer.value as never);
  }

  #free(): void {
    this.#thread.free();
    this.#end(this.#closedError());
  }

  #ref(): void {
    this.#thread.ref();
    this.#port.ref();
  }

  #unref(): void {
    this.#thread.unref();
    this.#port.unref();
  }

  #end(error: LedgerError): void {
    this.#state = 'ended';
    this.#port.close();
    this.#opened.reject(error);
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
    this.#ended.resolve();
  }

  #closedError(): LedgerError {
    return new LedgerError('CLOSED', `the ledger ${this.#path} is closed`);
  }
}

function toError({ code, message }: Failure): LedgerError {
  return new LedgerError(code, message);
}

function withResolvers<T>(): PromiseWithResolvers<T> {
  const resolvers = Promise.withResolvers<T>();
  // Whoever waits is told; that nobody does is no fault.
  resolvers.promise.catch(() => {});
  return resolvers;
}
