import { digestOf, newOperatorToken, type OperatorRole } from '../../transport/shared/access/operators.ts';
import { type AccessTokenConfig, accessTokensSchema } from '../config/access.ts';
import { ConfigError } from '../config/errors.ts';
import { findings } from '../config/issues.ts';
import { readTokenFile, writeTokenFile } from './token-file.ts';

/** What a new token is to be for. */
export interface TokenRequest {
  readonly name: string | undefined;
  readonly role: OperatorRole;
  readonly tables: readonly string[] | undefined;
  readonly from: readonly string[] | undefined;
  /** ISO 8601. */
  readonly expires: string | undefined;
}

/** A token that was made: the one time that it is seen. */
export interface MadeToken {
  readonly token: string;
  /** What a config holds of it. */
  readonly entry: AccessTokenConfig;
}

/** Makes a token; `names`: those that are taken. @throws ConfigError for what no config may hold. */
export function makeToken({ name, role, tables, from, expires }: TokenRequest, names: readonly string[]): MadeToken {
  const token = newOperatorToken();
  const entry: AccessTokenConfig = {
    name: name ?? freeName(role, names),
    role,
    hash: `sha256:${Buffer.from(digestOf(token)).toString('hex')}`,
    ...(tables !== undefined && { tables }),
    ...(from !== undefined && { from }),
    ...(expires !== undefined && { expires }),
  };
  const parsed = accessTokensSchema.safeParse([entry]);
  if (!parsed.success)
    throw refusal(findings(accessTokensSchema, parsed.error.issues).map(({ path, message }) => [path.slice(1).join('.'), message]));
  if (names.includes(entry.name))
    throw refusal([['name', `there is a token ${entry.name} already; give this one another name, or revoke that one`]]);
  return { token, entry };
}

/** Adds a token to the file of tokens; a running server takes it within two seconds. @throws ConfigError. */
export async function addToken(file: string, request: TokenRequest): Promise<MadeToken> {
  const tokens = await readTokenFile(file);
  const made = makeToken(
    request,
    tokens.map(({ name }) => name),
  );
  await writeTokenFile(file, [...tokens, made.entry]);
  return made;
}

/** Takes a token out of the file of tokens; a running server refuses it within two seconds. False where there is none of this name. @throws ConfigError. */
export async function removeToken(file: string, name: string): Promise<boolean> {
  const tokens = await readTokenFile(file);
  const left = tokens.filter((each) => each.name !== name);
  if (left.length === tokens.length) return false;
  await writeTokenFile(file, left);
  return true;
}

function freeName(role: OperatorRole, names: readonly string[]): string {
  for (let number = 1; ; number += 1) {
    const name = number === 1 ? role : `${role}-${number}`;
    if (!names.includes(name)) return name;
  }
}

function refusal(issues: readonly (readonly [path: string, message: string])[]): ConfigError {
  return new ConfigError(
    'access token',
    issues.map(([path, message]) => ({ path, at: undefined, message })),
  );
}
