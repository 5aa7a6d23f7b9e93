import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { backendsPage, capabilityMeanings, generatedPart, withGeneratedPart } from '../../../scripts/backends-doc.ts';
import { ADAPTERS } from '../../../src/adapters/registry.ts';
import { NETWORKS } from '../../contract/targets/targets.ts';
import { adapterFolders, missingParts } from '../../support/adapter-parts.ts';

const ROOT = join(import.meta.dirname, '../../..');

/** The backends of every network of the contract; one that is not to be had here (Polar) adds none. */
async function contractKinds(): Promise<ReadonlySet<string>> {
  const targets = await Promise.allSettled(Object.values(NETWORKS).map((load) => load({})));
  return new Set(targets.flatMap((target) => (target.status === 'fulfilled' ? target.value.kinds : [])));
}

for (const kind of await adapterFolders(ROOT)) {
  test(`${kind} has all that a backend needs`, async () => {
    expect(await missingParts(ROOT, kind, await contractKinds())).toEqual([]);
  });
}

test('every adapter but the simulated one says which versions it was made for', async () => {
  for (const [kind, load] of Object.entries(ADAPTERS)) {
    const { versions } = await load();
    if (kind !== 'simulated') expect(versions?.text).toMatch(/\d/);
  }
});

test('docs/backends.md shows what the registry declares (npm run docs:backends writes it)', async () => {
  const { is, shouldBe } = await backendsPage();
  expect(is).toBe(shouldBe);
});

test('every capability has its meaning, from the interface itself', async () => {
  const meanings = capabilityMeanings();
  const { capabilities } = await (ADAPTERS['simulated'] ?? (() => Promise.reject(new Error('no simulated adapter'))))();
  expect([...meanings.keys()].sort()).toEqual(Object.keys(capabilities).sort());
  for (const meaning of meanings.values()) expect(meaning).toMatch(/^[A-Z][^*]{10,}$/);
  expect(generatedPart([], new Map([['a', 'x | y']]))).toContain('| `a` | x \\| y |');
  expect(() => withGeneratedPart('# a page', '')).toThrow('has no <!-- begin');
});

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'ltp-completeness-'));
});
afterEach(async () => {
  await rm(root, { recursive: true, force: true });
});

async function put(path: string, text = ''): Promise<void> {
  await mkdir(dirname(join(root, path)), { recursive: true });
  await writeFile(join(root, path), text);
}

test('whatever a new folder lacks is named, until nothing is lacking', async () => {
  for (const path of ['src/adapters/registry.ts', 'docs/backends.md', 'docs/configuration.md', 'test/contract/targets/targets.ts'])
    await put(path);
  await put('src/adapters/acme/client.ts');
  expect(await adapterFolders(root)).toEqual(['acme']);
  const missing = await missingParts(root, 'acme', new Set());
  expect(missing).toEqual([
    'src/adapters/acme/definition.ts, which exports the AdapterDefinition',
    'capabilities.ts in src/adapters/acme',
    'a line for acme in src/adapters/registry.ts',
    'tests in test/unit/acme',
    'a network with acme in test/contract/targets/targets.ts',
    'a column for acme in docs/backends.md (npm run docs:backends)',
    'docs/acme.md, or its fields in docs/configuration.md',
  ]);
  await put('src/adapters/acme/definition.ts', "export const acme = { kind: 'acme' };");
  await put('src/adapters/acme/backend/capabilities.ts');
  await put('src/adapters/registry.ts', "  acme: async () => (await import('./acme/definition.ts')).acme,");
  await put('test/unit/acme/client.test.ts');
  await put('docs/backends.md', '| capability | meaning | lnd | acme |');
  await put('docs/configuration.md', '| `acme` | `url` |');
  expect(await missingParts(root, 'acme', new Set(['acme']))).toEqual([]);
});
