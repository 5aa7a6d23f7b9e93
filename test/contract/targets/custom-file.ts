import { z } from 'zod';
import type { AdapterDefinition } from '../../../src/adapters/shared/definition.ts';
import { parseBackend } from '../../../src/app/config/backend.ts';
import { ConfigError, type ConfigIssue, type ConfigPath } from '../../../src/app/config/errors.ts';
import { parseFile } from '../../../src/app/config/parse.ts';
import { readConfigFile } from '../../../src/app/config/source.ts';
import type { ContractRole } from '../network.ts';

/** A node of the file, with its adapter. */
export interface CustomNodeConfig {
  readonly adapter: { readonly definition: AdapterDefinition; readonly config: unknown };
  readonly address: { readonly host: string; readonly port: number };
  /** Shell commands. */
  readonly stop: string;
  readonly start: string;
}

/** A file of nodes that run already. */
export interface CustomNetworkConfig {
  /** Shell commands; `mine` finds `$BLOCKS`, `sendToAddress` `$ADDRESS`, `$SAT` and `$BTC`, `confirmations` `$TXID` in its environment. */
  readonly bitcoin: { readonly mine: string; readonly sendToAddress: string; readonly confirmations: string };
  readonly timeFactor: number;
  readonly backlogSize: number;
  /** Nodes by kind of backend and role. */
  readonly backends: Readonly<Record<string, Readonly<Record<ContractRole, CustomNodeConfig>>>>;
}

const command = z.string().trim().min(1, 'must be a shell command');
const address = z
  .string()
  .regex(/^(?:[^\s:[\]]+|\[[0-9a-fA-F:.]+\]):\d{1,5}$/, 'must be where the other nodes reach it: host:port, or [IPv6]:port')
  .transform((text) => {
    const colon = text.lastIndexOf(':');
    return { host: text.slice(0, colon).replace(/^\[|\]$/g, ''), port: Number(text.slice(colon + 1)) };
  })
  .refine(({ port }) => port >= 1 && port <= 65_535, 'a port is a number from 1 to 65535');
const node = z.strictObject({ backend: z.record(z.string(), z.unknown()), address, stop: command, start: command });
const fileSchema = z.strictObject({
  bitcoin: z.strictObject({ mine: command, sendToAddress: command, confirmations: command }),
  timeFactor: z.number().positive().default(3),
  backlogSize: z.int().min(1).default(200),
  backends: z
    .record(z.string(), z.strictObject({ payer: node, middle: node, payee: node }))
    .refine((kinds) => Object.keys(kinds).length > 0, 'name at least one backend, with payer, middle and payee'),
});
type File = z.output<typeof fileSchema>;

const ROLES = ['payer', 'middle', 'payee'] as const;
const COMMANDS = /^(?:mine|sendToAddress|confirmations|stop|start)$/;

/**
 * Reads a file of nodes. The configs of the backends are as under `backend:` in a config of `tickerplant`.
 * @throws ConfigError with everything that is wrong with it, each with its line.
 */
export async function readCustomFile(
  file: string,
  adapters: Readonly<Record<string, () => Promise<AdapterDefinition>>>,
): Promise<CustomNetworkConfig> {
  const source = await readConfigFile(file);
  const parsed = await parseFile<File>(fileSchema, source, {}, shieldCommands);
  const issues: ConfigIssue[] = [];
  const wrong = (path: ConfigPath, message: string): void => void issues.push({ path: path.join('.'), at: source.locate(path), message });
  const backends: Record<string, Readonly<Record<ContractRole, CustomNodeConfig>>> = {};
  for (const [kind, nodes] of Object.entries(parsed.backends)) {
    const made: Partial<Record<ContractRole, CustomNodeConfig>> = {};
    for (const role of ROLES) {
      const { backend, ...rest } = nodes[role];
      const prefix = ['backends', kind, role];
      const result = await parseBackend(backend, adapters);
      if ('findings' in result) for (const { path, message } of result.findings) wrong([...prefix, ...path], message);
      else if (result.backend.kind !== kind)
        wrong([...prefix, 'backend', 'kind'], `this is ${result.backend.kind}; it stands under ${kind}`);
      else made[role] = { ...rest, adapter: result.backend };
    }
    backends[kind] = made as Readonly<Record<ContractRole, CustomNodeConfig>>;
  }
  if (issues.length > 0) throw new ConfigError(source.name, issues);
  return { ...parsed, backends };
}

/** Relative paths of the backends begin at the file; a command that begins with `./` is no path and runs in the file's folder anyway. */
function shieldCommands(raw: Record<string, unknown>): Record<string, unknown> {
  const shield = (value: unknown): unknown => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [key, COMMANDS.test(key) && typeof item === 'string' ? ` ${item}` : shield(item)]),
    );
  };
  return shield(raw) as Record<string, unknown>;
}
