/** What an input is made of: text, bytes, or a JSON value that is handed over as text. */
export type InputKind = 'text' | 'bytes' | 'json';

/** Something of ours that reads what others have written. */
export interface FuzzParser {
  readonly name: string;
  readonly kind: InputKind;
  /** Good inputs, to begin from. */
  readonly seeds: () => readonly (string | Uint8Array)[];
  /** Pieces of the language, to put in: they get deeper than letters do. */
  readonly tokens?: readonly string[];
  /** Reads an input. What it throws must be what it says it throws. */
  readonly read: (input: Buffer) => unknown;
  /** Whether an error is one of those that the parser is declared to throw. */
  readonly declared: (error: unknown) => boolean;
  /** How many of the runs are enough where one costs more than most do (files): 1 unless given. */
  readonly share?: number;
}

/** No error is declared: whatever comes is answered. */
export const never = (): boolean => false;

/** Errors of a class. */
export function of(...classes: readonly (abstract new (...args: never[]) => Error)[]): (error: unknown) => boolean {
  return (error) => classes.some((each) => error instanceof each);
}

/** `Error` itself, as plain functions declare it; one of the language's own kinds means that something was not foreseen. */
export function plainError(error: unknown): boolean {
  return error instanceof Error && !(error instanceof TypeError || error instanceof RangeError || error instanceof ReferenceError);
}
