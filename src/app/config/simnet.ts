import { type SimnetConfig, simnetFileSchema } from '../../adapters/simulated/simnet-config.ts';
import { mergeConfig, parseOverrides } from './overrides.ts';
import { parseFile } from './parse.ts';
import { type ConfigSource, readConfigFile } from './source.ts';

/** Beside the file, like a server's `data/`. */
const DEFAULTS = { simnet: { socket: 'data/simnet.sock', dir: 'data/simnet' } };

/** The simulated network of a file (`simnet:` at its top), or the default one in the working folder. @throws ConfigError. */
export async function loadSimnetConfig(file: string | undefined, set: readonly string[] = []): Promise<SimnetConfig> {
  const source: ConfigSource = file === undefined ? { name: 'simnet', raw: {}, locate: () => undefined } : await readConfigFile(file);
  const complete = (raw: Record<string, unknown>) => mergeConfig(DEFAULTS, raw['simnet'] === null ? {} : raw) as Record<string, unknown>;
  const base = file === undefined ? { base: process.cwd() } : {};
  return (await parseFile(simnetFileSchema, source, { ...base, overrides: parseOverrides(set) }, complete)).simnet;
}
