/** Undoes what was opened, last first, each of it whatever becomes of the others. (Node 22 has no `AsyncDisposableStack` yet.) */
export class Disposal implements AsyncDisposable {
  readonly #undo: (() => PromiseLike<void> | void)[] = [];
  #done: Promise<void> | undefined;

  /** Notes how to undo something that has been opened. */
  add(undo: () => PromiseLike<void> | void): void {
    this.#undo.push(undo);
  }

  /** @throws the first error that undoing brought, after all of it was tried. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#done ??= this.#run();
    return this.#done;
  }

  async #run(): Promise<void> {
    const errors: unknown[] = [];
    for (const undo of this.#undo.reverse()) {
      try {
        await undo();
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length > 0) throw errors[0];
  }
}
