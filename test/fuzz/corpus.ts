import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const FOLDER = fileURLToPath(new URL('./corpus/', import.meta.url));

/** An input that was of interest once: it made something fail, or it is a shape that chance does not find. */
export interface CorpusInput {
  readonly file: string;
  readonly bytes: Uint8Array;
}

/** What is kept for a parser, by the names of the files. */
export function corpusOf(parser: string): readonly CorpusInput[] {
  const folder = join(FOLDER, parser);
  try {
    return readdirSync(folder)
      .sort()
      .map((file) => ({ file, bytes: readFileSync(join(folder, file)) }));
  } catch {
    return [];
  }
}

/** Keeps an input; answers the file. */
export function keep(parser: string, input: Uint8Array): string {
  const folder = join(FOLDER, parser);
  mkdirSync(folder, { recursive: true });
  const file = join(folder, createHash('sha256').update(input).digest('hex').slice(0, 16));
  writeFileSync(file, input);
  return file;
}
