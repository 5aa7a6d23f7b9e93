import { readFile } from 'node:fs/promises';
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

function refusal(file: string, path: string, message: string): ConfigError {
  return new ConfigError(file, [{ path, at: undefined, message }]);
}
