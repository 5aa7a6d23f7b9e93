import { ADAPTERS } from '../../adapters/registry.ts';
import type { AdapterDefinition } from '../../adapters/shared/definition.ts';
import { isPlainObject } from './environment.ts';
import { type Finding, findings } from './issues.ts';
import { polarConfigSchema, resolvePolar } from './polar.ts';
import { PolarError } from './polar-home.ts';
import { suggestion } from './suggest.ts';

/** A parsed `backend:` section: which adapter, and its own config. */
export interface BackendConfig {
  readonly kind: string;
  readonly definition: AdapterDefinition;
  /** What `definition.configSchema` made of the section. */
  readonly config: unknown;
  /** Where the config was looked up rather than written: `Polar's node alice in network 1 (dev)`. */
  readonly via?: string;
}

/** Not an adapter but a way to find the config of one. */
const POLAR = 'polar';

/** What became of a `backend:` section. */
export type ParsedBackend = { readonly backend: BackendConfig } | { readonly findings: readonly Finding[] };

/** Parses a `backend:` section by its kind; `adapters` are those of the registry unless given. */
export async function parseBackend(raw: unknown, adapters: typeof ADAPTERS = ADAPTERS): Promise<ParsedBackend> {
  const kinds = [...Object.keys(adapters), POLAR];
  const wrong = (path: readonly string[], message: string) => ({ findings: [{ path: ['backend', ...path], message, wrongType: false }] });
  if (raw === undefined || raw === null)
    return wrong([], `is missing; say which node: backend: { kind: … } (there are ${kinds.join(', ')})`);
  if (!isPlainObject(raw)) return wrong([], `must be keys and values: backend: { kind: … } (there are ${kinds.join(', ')})`);
  const { kind } = raw;
  if (kind === undefined) return wrong(['kind'], `is missing; there are ${kinds.join(', ')}`);
  if (typeof kind !== 'string') return wrong(['kind'], `must be text; there are ${kinds.join(', ')}`);
  if (kind === POLAR && !Object.hasOwn(adapters, POLAR)) return await parsePolar(raw, adapters);
  if (!Object.hasOwn(adapters, kind)) return wrong(['kind'], `there is no such backend; ${suggestion(kind, kinds)}`);
  const definition = await (adapters[kind] as () => Promise<AdapterDefinition>)();
  const parsed = await definition.configSchema.safeParseAsync(raw);
  if (parsed.success) return { backend: { kind, definition, config: parsed.data } };
  const found = findings(definition.configSchema, parsed.error.issues, ['backend']);
  // A message of a schema's own might repeat the value.
  const secret = (path: Finding['path']) => path.some((step) => definition.secrets.includes(String(step)));
  return {
    findings: found.map((finding) =>
      secret(finding.path) && !finding.wrongType && !/^(?:is missing|unknown key)/.test(finding.message)
        ? { ...finding, message: 'is not valid (its value is not shown)' }
        : finding,
    ),
  };
}

/** Looks the node up in Polar's files, and parses the config that this comes down to. */
async function parsePolar(raw: unknown, adapters: typeof ADAPTERS): Promise<ParsedBackend> {
  const parsed = polarConfigSchema.safeParse(raw);
  if (!parsed.success) return { findings: findings(polarConfigSchema, parsed.error.issues, ['backend']) };
  try {
    const { backend, title } = await resolvePolar(parsed.data);
    const resolved = await parseBackend(backend, adapters);
    return 'findings' in resolved ? resolved : { backend: { ...resolved.backend, via: title } };
  } catch (error) {
    if (!(error instanceof PolarError)) throw error;
    return { findings: [{ path: ['backend', error.field], message: error.message, wrongType: false }] };
  }
}
