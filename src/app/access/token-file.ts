import { randomUUID } from 'node:crypto';
import { mkdir, open, readFile, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { type AccessTokenConfig, accessTokensSchema } from '../config/access.ts';
import { ConfigError } from '../config/errors.ts';
import { findings } from '../config/issues.ts';

/** The tokens of a file that `tickerplant access` keeps; none where there is no such file. @throws ConfigError for what can't be read as one. */
export async function readTokenFile(file: string): Promise<readonly AccessTokenConfig[]> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return [];
    throw refusal(file, '', `can't be read (${code})`);
  }
  let raw: unknown;
  try {
    raw = JSON.parse(text);
  } catch {
    throw refusal(file, '', 'is not JSON');
  }
  const parsed = accessTokensSchema.safeParse(raw);
  if (parsed.success) return parsed.data;
  const issues = findings(accessTokensSchema, parsed.error.issues);
  throw new ConfigError(
    file,
    issues.map(({ path, message }) => ({ path: path.join('.'), at: undefined, message })),
  );
}

/** Writes it, whole or not at all; for its owner alone. */
export async function writeTokenFile(file: string, tokens: readonly AccessTokenConfig[]): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  const temporary = `${file}.${randomUUID()}`;
  const handle = await open(temporary, 'wx', 0o600);
  try {
    await handle.writeFile(`${JSON.stringify(tokens, null, 2)}\n`);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(temporary, file);
}

function refusal(file: string, path: string, message: string): ConfigError {
  return new ConfigError(file, [{ path, at: undefined, message }]);
}
