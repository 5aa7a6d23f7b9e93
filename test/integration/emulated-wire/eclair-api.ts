import { once } from 'node:events';
import { WebSocket } from 'ws';

/** What eclair said to a request. */
export interface EclairAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly body: unknown;
}

type Form = Readonly<Record<string, string | number | boolean | undefined>>;

/** eclair's API with nothing in between: what goes over the wire is what is compared. */
export class EclairApi implements Disposable {
  readonly events: Readonly<Record<string, unknown>>[] = [];
  readonly #url: string;
  readonly #password: string;
  readonly #socket: WebSocket;

  private constructor(url: string, password: string, socket: WebSocket) {
    this.#url = url;
    this.#password = password;
    this.#socket = socket;
    socket.on('message', (data) => this.events.push(JSON.parse(String(data)) as Readonly<Record<string, unknown>>));
  }

  static async open(config: Readonly<Record<string, unknown>>): Promise<EclairApi> {
    const { url, password } = config as { url: string; password: string };
    const socket = new WebSocket(`${url.replace('http', 'ws')}/ws`, { headers: { Authorization: basic(password) } });
    await once(socket, 'open');
    return new EclairApi(url, password, socket);
  }

  /** Asks with the password, with another one, or with none at all. */
  async ask(path: string, form: Form = {}, password: string | null = this.#password): Promise<EclairAnswer> {
    const fields = Object.entries(form).flatMap(([name, value]): [string, string][] =>
      value === undefined ? [] : [[name, String(value)]],
    );
    const response = await fetch(this.#url + path, {
      method: 'POST',
      headers: password === null ? {} : { Authorization: basic(password) },
      body: new URLSearchParams(fields),
    });
    return { status: response.status, contentType: response.headers.get('content-type') ?? '', body: await response.json() };
  }

  [Symbol.dispose](): void {
    this.#socket.terminate();
  }
}

function basic(password: string): string {
  return `Basic ${Buffer.from(`:${password}`).toString('base64')}`;
}
