import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { LightningError } from '../../core/lightning/errors.ts';
import { expandHome } from './paths.ts';

/** A secret in a config: itself, the name of an environment variable, or a file that holds it. */
export const secretSchema: z.ZodType<Secret> = z.union(
  [z.string().min(1), z.strictObject({ env: z.string().min(1) }), z.strictObject({ file: z.string().min(1) })],
  { error: 'a secret is a text, { env: NAME } or { file: path }' },
);

/** See {@link secretSchema}. */
export type Secret = string | { readonly env: string } | { readonly file: string };

/**
 * Reads a secret anew, so that it can be rotated while we run. A file's last line break is not part of it.
 * @throws LightningError `UNAUTHENTICATED`, naming the place and never the content.
 */
export async function readSecret(secret: Secret, operation: string): Promise<string> {
  if (typeof secret === 'string') return secret;
  if ('env' in secret) {
    const value = process.env[secret.env];
    if (value !== undefined && value !== '') return value;
    throw new LightningError('UNAUTHENTICATED', `the environment variable ${secret.env} is not set`, { operation });
  }
  const path = expandHome(secret.file);
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new LightningError('UNAUTHENTICATED', `the secret's file ${path} can't be read (${error.code})`, { operation });
  });
  const value = text.replace(/\r?\n$/, '');
  if (value === '') throw new LightningError('UNAUTHENTICATED', `the secret's file ${path} is empty`, { operation });
  return value;
}
