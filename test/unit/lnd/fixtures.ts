import { readFileSync } from 'node:fs';
import path from 'node:path';

const DIR = path.join(import.meta.dirname, '../../fixtures/lnd');

/** An answer of a real lnd 0.20.1 as gRPC handed it over: 64-bit numbers as text, bytes as bytes. */
export function recorded(name: string): unknown {
  return JSON.parse(readFileSync(path.join(DIR, `${name}.json`), 'utf8'), (_key, value: unknown) =>
    typeof value === 'object' && value !== null && 'hex' in value && typeof value.hex === 'string' && Object.keys(value).length === 1
      ? Buffer.from(value.hex, 'hex')
      : value,
  );
}

/** What a real lnd refused, by the name of what was tried. */
export const refusals: Readonly<Record<string, { readonly code: number; readonly details: string }>> = recorded('errors') as never;
