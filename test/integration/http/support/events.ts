import { setTimeout as sleep } from 'node:timers/promises';

/** After so long nothing more is expected; long, since whatever is waited for comes late on a machine that has much else to do. */
export const PATIENCE_MS = 25_000;

/** An event of a stream. */
export interface StreamEvent {
  readonly event: string;
  readonly id: string | undefined;
  readonly data: Readonly<Record<string, unknown>>;
}

/** Reads a stream of events or lines as a program would. */
export class EventReader implements AsyncDisposable {
  readonly response: Response;
  readonly events: StreamEvent[] = [];
  readonly #abort: AbortController;
  readonly #done: Promise<void>;
  /** The other side has ended it. */
  ended = false;

  private constructor(response: Response, abort: AbortController) {
    this.response = response;
    this.#abort = abort;
    this.#done = this.#read().catch(() => undefined);
  }

  static async open(url: string, init: RequestInit = {}): Promise<EventReader> {
    const abort = new AbortController();
    const response = await fetch(url, { ...init, signal: abort.signal });
    if (response.status !== 200) throw new Error(`${response.status} ${await response.text()}`);
    return new EventReader(response, abort);
  }

  /** Waits for the n-th event that matches. */
  async next(event: string, n = 1): Promise<StreamEvent> {
    for (const deadline = Date.now() + PATIENCE_MS; ; await sleep(5)) {
      const found = this.events.filter((each) => each.event === event)[n - 1];
      if (found !== undefined) return found;
      if (Date.now() > deadline) throw new Error(`no ${event} ${n}; there is ${JSON.stringify(this.events).slice(0, 2_000)}`);
    }
  }

  /** Waits for so many rows; answers their numbers. */
  async seqs(count: number, sym?: string): Promise<readonly number[]> {
    for (const deadline = Date.now() + PATIENCE_MS; ; await sleep(5)) {
      const found = this.numbers(sym);
      if (found.length >= count) return found;
      if (Date.now() > deadline) throw new Error(`${found.length} of ${count} rows: ${JSON.stringify(this.events).slice(0, 2_000)}`);
    }
  }

  numbers(sym?: string): readonly number[] {
    return this.events
      .filter(({ event, data }) => event === 'upd' && (sym === undefined || data['sym'] === sym))
      .flatMap(({ data }) => (data['rows'] as unknown[]).map((_, i) => (data['seq'] as number) + i));
  }

  get lastId(): string | undefined {
    return this.events.findLast(({ id }) => id !== undefined)?.id;
  }

  /** Resolves when the other side has ended it. */
  async end(): Promise<void> {
    await Promise.race([this.#done, sleep(PATIENCE_MS).then(() => Promise.reject(new Error('the stream goes on')))]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#abort.abort();
    await this.#done;
  }

  async #read(): Promise<void> {
    const isLines = this.response.headers.get('content-type')?.includes('ndjson') === true;
    let text = '';
    for await (const chunk of (this.response.body as ReadableStream<Uint8Array>).pipeThrough(new TextDecoderStream())) {
      const parts = (text + chunk).split(isLines ? '\n' : '\n\n');
      text = parts.pop() ?? '';
      for (const part of parts) this.events.push(isLines ? lineEvent(part) : parse(part));
    }
    this.ended = true;
  }
}

function lineEvent(line: string): StreamEvent {
  const data = JSON.parse(line) as Record<string, unknown>;
  return { event: String(data['op']), id: undefined, data };
}

function parse(block: string): StreamEvent {
  const field = (name: string) =>
    block
      .split('\n')
      .find((line) => line.startsWith(`${name}: `))
      ?.slice(name.length + 2);
  return { event: field('event') ?? 'message', id: field('id'), data: JSON.parse(field('data') ?? 'null') as Record<string, unknown> };
}
