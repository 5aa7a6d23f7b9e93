import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Every folder of an adapter, by name; whatever is in it. */
export async function adapterFolders(root: string): Promise<readonly string[]> {
  const entries = await readdir(join(root, 'src/adapters'), { withFileTypes: true });
  return entries
    .filter((entry) => entry.isDirectory() && entry.name !== 'shared')
    .map(({ name }) => name)
    .sort();
}

/**
 * What an adapter's folder lacks to be a backend like the others, in the order of the recipe in docs/backends.md.
 * `contractKinds`: the backends that the contract has a network of.
 */
export async function missingParts(root: string, kind: string, contractKinds: ReadonlySet<string>): Promise<readonly string[]> {
  const folder = `src/adapters/${kind}`;
  const text = (path: string) => readFile(join(root, path), 'utf8').catch(() => '');
  const files = async (path: string) => await readdir(join(root, path), { recursive: true }).catch(() => []);
  const [registry, page, configuration] = await Promise.all(
    ['src/adapters/registry.ts', 'docs/backends.md', 'docs/configuration.md'].map(text),
  );
  const definition = await text(`${folder}/definition.ts`);
  const parts: readonly (readonly [string, boolean])[] = [
    [`${folder}/definition.ts, which exports the AdapterDefinition`, new RegExp(`kind: '${kind}'`).test(definition)],
    [`capabilities.ts in ${folder}`, (await files(folder)).some((name) => /(?:^|[\\/])capabilities\.ts$/.test(name))],
    [`a line for ${kind} in src/adapters/registry.ts`, (registry ?? '').includes(`./${kind}/definition.ts`)],
    [`tests in test/unit/${kind}`, (await files(`test/unit/${kind}`)).some((name) => name.endsWith('.test.ts'))],
    [`a network with ${kind} in test/contract/targets/targets.ts`, contractKinds.has(kind)],
    [
      `a column for ${kind} in docs/backends.md (npm run docs:backends)`,
      new RegExp(`^\\| capability \\|.*\\b${kind}\\b.*\\|$`, 'm').test(page ?? ''),
    ],
    [
      `docs/${kind}.md, or its fields in docs/configuration.md`,
      existsSync(join(root, `docs/${kind}.md`)) || new RegExp(`^\\| \`${kind}\` \\|`, 'm').test(configuration ?? ''),
    ],
  ];
  return parts.filter(([, isThere]) => !isThere).map(([name]) => name);
}
