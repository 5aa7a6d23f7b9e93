import type { FuzzParser } from './parser.ts';

type Group = () => Promise<readonly FuzzParser[]>;

const network: Group = async () => (await import('./parsers/network.ts')).NETWORK_PARSERS;
const texts: Group = async () => (await import('./parsers/texts.ts')).TEXT_PARSERS;
const files: Group = async () => (await import('./parsers/files.ts')).FILE_PARSERS;
const kdb: Group = async () => (await import('./parsers/kdb.ts')).KDB_PARSERS;
const replies: Group = async () => (await import('./parsers/replies.ts')).REPLY_PARSERS;

/** Every parser of ours that meets the network or files that others may have written, and how it is loaded. */
export const PARSERS: Readonly<Record<string, Group>> = {
  'websocket-request': network,
  'websocket-message': network,
  'simnet-line': network,
  'kdb-message': kdb,
  'kdb-framing': kdb,
  'kdb-call': kdb,
  'kdb-login': kdb,
  times: texts,
  values: texts,
  'column-mapping': texts,
  macaroon: texts,
  'macaroon-bytes': texts,
  bolt11: texts,
  'bolt11-lnd': texts,
  'bolt11-simulated': texts,
  config: files,
  csv: files,
  ndjson: files,
  'journal-segment': files,
  'subscriber-account': files,
  'subscriber-positions': files,
  'cln-reply': replies,
  'eclair-reply': replies,
  'lnd-reply': replies,
  'cln-framing': replies,
  'eclair-http': replies,
};

/** A parser by its name. @throws Error where there is none. */
export async function parserOf(name: string): Promise<FuzzParser> {
  const group = Object.hasOwn(PARSERS, name) ? PARSERS[name] : undefined;
  const found = (await group?.())?.find((parser) => parser.name === name);
  if (found === undefined) throw new Error(`there is no parser ${name}; there are ${Object.keys(PARSERS).join(', ')}`);
  return found;
}
