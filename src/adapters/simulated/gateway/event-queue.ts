/** Hands events from who pushes them to who iterates; holds what has not been taken yet. */
export class EventQueue<T> {
  #items: T[] = [];
  #wake: (() => void) | undefined;
  #ended: { readonly error: unknown } | undefined;

  push(item: T): void {
    if (this.#ended !== undefined) return;
    this.#items.push(item);
    this.#wake?.();
  }

  /** After what is queued the iteration ends, or throws the error. Only the first end counts. */
  end(error?: unknown): void {
    this.#ended ??= { error };
    this.#wake?.();
  }

  async *drain(): AsyncGenerator<T, void, undefined> {
    for (;;) {
      const items = this.#items;
      this.#items = [];
      yield* items;
      if (this.#items.length > 0) continue;
      if (this.#ended !== undefined) {
        if (this.#ended.error !== undefined) throw this.#ended.error;
        return;
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#wake = undefined;
    }
  }
}
