import { Buffer } from 'node:buffer';
import { LightningError } from '../../core/lightning/errors.ts';
import { readSecret } from '../shared/secret.ts';
import type { EclairConfig } from './config.ts';
import { readApiSettings } from './eclair-conf.ts';

const DEFAULT_PORT = '8080';

/** Where the API is and how one gets in. `authorization` and `password` are secrets. */
export interface Endpoint {
  /** Without a slash at its end. */
  readonly url: string;
  readonly password: string;
  /** The header of HTTP Basic with an empty user. */
  readonly authorization: string;
}

/**
 * Reads the place and the password anew, so that both may change while we run.
 * @throws LightningError `UNAUTHENTICATED` when there is no password to be had.
 */
export async function readEndpoint(config: EclairConfig, operation: string): Promise<Endpoint> {
  const needsFile = config.url === undefined || config.password === undefined;
  const file = needsFile ? await readApiSettings(config.eclairDir, operation) : { port: undefined, password: undefined };
  const url = config.url ?? `http://127.0.0.1:${file.port ?? DEFAULT_PORT}`;
  const password = config.password === undefined ? file.password : await readSecret(config.password, operation);
  if (password === undefined || password === '') {
    const message = `no password: give \`password\`, or eclair.api.password in ${config.eclairDir}/eclair.conf`;
    throw new LightningError('UNAUTHENTICATED', message, { operation });
  }
  const authorization = `Basic ${Buffer.from(`:${password}`).toString('base64')}`;
  return { url: url.replace(/\/+$/, ''), password, authorization };
}
