import { createHash, timingSafeEqual } from 'node:crypto';
import { readSecret, type Secret } from '../adapters/shared/secret.ts';
import { ListenerError } from './errors.ts';

/** Shorter tokens can be guessed. */
const SHORTEST_SECRET = 16;

/** Reads a bearer token. @throws ListenerError `SECRET`, naming where it stands and never what it is. */
export async function readToken(secret: Secret, whose: string): Promise<string> {
  const token = await readLongSecret(secret, whose);
  if (!TOKEN.test(token))
    throw new ListenerError('SECRET', `${whose}: a token is up to 512 letters, digits and signs without blanks (openssl rand -hex 32)`);
  return token;
}

/** Reads what a webhook's signature is made with. @throws ListenerError `SECRET`, naming where it stands and never what it is. */
export async function readLongSecret(secret: Secret, whose: string): Promise<string> {
  let value: string;
  try {
    value = await readSecret(secret, 'listener');
  } catch (error) {
    throw new ListenerError('SECRET', `${whose}: ${(error as Error).message}`, { cause: error });
  }
  if (value.length < SHORTEST_SECRET) {
    throw new ListenerError('SECRET', `${whose}: less than ${SHORTEST_SECRET} characters can be guessed (openssl rand -hex 32)`);
  }
  return value;
}

/** What goes into an `Authorization` header as it is. */
const TOKEN = /^[\x21-\x7e]{1,512}$/;

/** The bearer tokens of those who may come. */
export class Tokens {
  readonly #digests: readonly { readonly name: string; readonly digest: Buffer }[];

  constructor(tokens: readonly { readonly name: string; readonly token: string }[]) {
    this.#digests = tokens.map(({ name, token }) => ({ name, digest: digestOf(token) }));
  }

  /** Whose token an `Authorization` header has; undefined where it is nobody's. How long it takes says nothing about any of them. */
  owner(header: string | undefined): string | undefined {
    const [, given = ''] = /^Bearer ([\x21-\x7e]{1,512})$/i.exec(header ?? '') ?? [];
    const digest = digestOf(given);
    let owner: string | undefined;
    for (const each of this.#digests) if (timingSafeEqual(each.digest, digest)) owner = each.name;
    return given === '' ? undefined : owner;
  }
}

function digestOf(text: string): Buffer {
  return createHash('sha256').update(text, 'utf8').digest();
}
