import { StringDecoder } from 'node:string_decoder';

/** No message is longer than this many characters. */
export const MAX_LINE: number = 4 * 1024 * 1024;

/** Cuts a stream of bytes into lines. */
export class LineReader {
  readonly #decoder = new StringDecoder('utf8');
  readonly #onLine: (line: string) => void;
  #rest: string[] = [];
  #length = 0;

  constructor(onLine: (line: string) => void) {
    this.#onLine = onLine;
  }

  /** Takes what has arrived. @throws RangeError when a line is longer than {@link MAX_LINE}. */
  push(chunk: Uint8Array): void {
    const text = this.#decoder.write(chunk);
    let start = 0;
    for (let end = text.indexOf('\n'); end !== -1; end = text.indexOf('\n', start)) {
      const line = [...this.#rest, text.slice(start, end)].join('');
      this.#rest = [];
      this.#length = 0;
      start = end + 1;
      if (line.trim() !== '') this.#onLine(line);
    }
    if (start === text.length) return;
    this.#rest.push(text.slice(start));
    this.#length += text.length - start;
    if (this.#length > MAX_LINE) throw new RangeError('the line is too long');
  }
}
