import { stat } from 'node:fs/promises';
import { isLoopback } from './config/listening.ts';
import type { BaseConfig } from './config/parse.ts';

/** Something that strangers could use, in a config that may be meant all the same. */
export interface Exposure {
  /** Where in the config, `transports.websocket`. */
  readonly path: string;
  readonly message: string;
  /** What to do about it. */
  readonly advice: string;
}

/** Networks that hold addresses of strangers: nothing that they write is to be believed. */
const EVERYBODY = /^(?:0\.0\.0\.0|::)\/0$/;

/** What a config lays open to the network, as far as it can be seen without starting anything. */
export function exposuresOf({ transports, access }: BaseConfig): readonly Exposure[] {
  const found: Exposure[] = [];
  const add = (path: string, message: string, advice: string) => found.push({ path, message, advice });
  const { websocket, http, kdb } = transports;
  for (const [name, transport] of Object.entries(transports)) {
    if (transport === undefined) continue;
    const path = `transports.${name}`;
    const proxies = 'trustProxy' in transport ? transport.trustProxy : false;
    if (Array.isArray(proxies) && proxies.some((each) => EVERYBODY.test(each)))
      add(`${path}.trustProxy`, 'believes whoever connects: anybody can pretend to be another address', 'list the proxies alone');
    if ('broker' in transport) {
      const { protocol, hostname } = new URL(transport.broker);
      if (/^(?:mqtt|ws):$/.test(protocol) && !isLoopback(hostname))
        add(`${path}.broker`, "devices' tokens go over the network in plain text", 'use mqtts:// or wss://');
      continue;
    }
    if (isLoopback(transport.host)) continue;
    if (transport.tls === undefined && proxies === false)
      add(
        path,
        `listens on ${transport.host} in plain text: tokens can be read on the way, and used`,
        'give it tls: { cert, key }, or put a proxy that does TLS in front and name it in trustProxy',
      );
    else if (transport.tls === undefined)
      add(
        path,
        `listens on ${transport.host} in plain text, though a proxy is in front of it`,
        'let it listen where the proxy alone comes, 127.0.0.1, or list the proxy in allow',
      );
    if (transport.tls?.generate === true)
      add(`${path}.tls`, 'a generated certificate is shown to strangers', 'give it cert and key; certbot makes them');
  }
  if (kdb !== undefined && kdb.tls === undefined && !isLoopback(kdb.host) && kdb.users !== undefined)
    add(
      'transports.kdb.users',
      'passwords of users go over the network in plain text',
      'give transports.kdb tls, or let it listen on 127.0.0.1',
    );
  const metrics = http?.metrics;
  if (metrics?.port !== undefined && !isLoopback(metrics.host) && http?.tls === undefined)
    add(
      'transports.http.metrics',
      `metrics are on ${metrics.host} in plain text`,
      'give transports.http tls, or let them stand on 127.0.0.1',
    );
  const isPublic = [websocket, http, kdb].some((transport) => transport !== undefined && !isLoopback(transport.host));
  if (access.plainText && isPublic)
    add('access.plainText', 'tokens of operators are taken in plain text from other machines', 'use TLS, and take it out');
  if (isPublic && access.from.admin?.some((each) => EVERYBODY.test(each)) === true)
    add(
      'access.from.admin',
      'the server can be looked after from everywhere by whoever gets hold of a token',
      'list the addresses that you come from',
    );
  const texts = access.tokens.filter(({ token }) => token !== undefined).map(({ name }) => name);
  if (texts.length > 0)
    add(
      'access.tokens',
      `the tokens of ${texts.join(', ')} are in the config themselves`,
      'keep their hashes there: tickerplant access token',
    );
  return found;
}

/** Files with secrets in them that others on this machine may read. */
export async function openFiles({ transports, access, ledger }: BaseConfig): Promise<readonly Exposure[]> {
  const files: (readonly [path: string, file: string])[] = [];
  for (const [name, transport] of Object.entries(transports)) {
    const key = transport === undefined || 'broker' in transport ? undefined : transport.tls?.key;
    if (key !== undefined) files.push([`transports.${name}.tls.key`, key]);
  }
  for (const [index, { tokenFile }] of access.tokens.entries())
    if (tokenFile !== undefined) files.push([`access.tokens.${index}.tokenFile`, tokenFile]);
  if (ledger.path !== ':memory:') files.push(['ledger.path', ledger.path]);
  const found: Exposure[] = [];
  for (const [path, file] of files) {
    const mode = (await stat(file).catch(() => undefined))?.mode;
    // Of its group: certbot and others give a key to a group on purpose.
    if (mode !== undefined && (mode & 0o007) !== 0 && process.platform !== 'win32')
      found.push({ path, message: `${file} can be read by everybody on this machine`, advice: `chmod o= ${file}` });
  }
  return found;
}
