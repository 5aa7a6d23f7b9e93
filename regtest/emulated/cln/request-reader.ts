/**
 * Cuts what comes over the socket into requests: JSON objects back to back, with or without space between them, in pieces
 * of any size. lightningd tells them apart by their braces alone.
 */
export class RequestReader {
  #text = '';
  #at = 0;
  #depth = 0;
  #inString = false;
  #escaped = false;

  /** The requests that are complete with this piece. @throws SyntaxError when it is not JSON. */
  push(piece: string): unknown[] {
    this.#text += piece;
    const requests: unknown[] = [];
    while (this.#at < this.#text.length) {
      this.#take(this.#text[this.#at] as string);
      this.#at += 1;
      if (this.#depth > 0 || this.#inString) continue;
      const whole = this.#text.slice(0, this.#at).trim();
      this.#text = this.#text.slice(this.#at);
      this.#at = 0;
      if (whole !== '') requests.push(JSON.parse(whole));
    }
    return requests;
  }

  #take(character: string): void {
    if (this.#inString) {
      if (this.#escaped) this.#escaped = false;
      else if (character === '\\') this.#escaped = true;
      else if (character === '"') this.#inString = false;
      return;
    }
    if (character === '"') this.#inString = true;
    else if (character === '{' || character === '[') this.#depth += 1;
    else if (character === '}' || character === ']') this.#depth -= 1;
    if (this.#depth === 0 && !'}] \t\r\n'.includes(character)) throw new SyntaxError('not an object');
  }
}
