/** One JSON-RPC answer: its id and either a result or an error. */
export interface RpcAnswer {
  readonly id: string | number | null;
  readonly result?: unknown;
  readonly error?: { readonly code: number; readonly message: string; readonly data?: unknown } | null;
}

/**
 * Cuts lightningd's stream into answers. It ends each with a line break, and the text inside may hold the Unicode line
 * separators that `readline` would cut at, so only U+000A counts; an answer spread over several lines is put together.
 */
export class AnswerReader {
  #rest = '';
  #pending = '';

  /** The answers that are complete with this piece. @throws SyntaxError when what comes is not JSON-RPC. */
  push(piece: string): RpcAnswer[] {
    const lines = (this.#rest + piece).split('\n');
    this.#rest = lines.pop() ?? '';
    const answers: RpcAnswer[] = [];
    for (const line of lines) {
      if (this.#pending === '' && line.trim() === '') continue;
      if (this.#pending === '' && !line.trimStart().startsWith('{')) throw new SyntaxError('not a JSON-RPC answer');
      const text = this.#pending === '' ? line : `${this.#pending}\n${line}`;
      const answer = tryParse(text);
      if (answer !== undefined) {
        answers.push(answer);
        this.#pending = '';
      } else if (line.trim() === '') {
        throw new SyntaxError('an answer that ended before its JSON did');
      } else {
        this.#pending = text;
      }
    }
    return answers;
  }
}

function tryParse(text: string): RpcAnswer | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null || !('id' in value)) throw new SyntaxError('an answer without an id');
  return value as RpcAnswer;
}
