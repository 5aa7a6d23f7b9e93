import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ADAPTERS } from '../../../src/adapters/registry.ts';

const ADAPTER_FOLDERS = join(import.meta.dirname, '../../../src/adapters');

test('every folder of an adapter is in the registry, under its kind', async () => {
  const folders = (await readdir(ADAPTER_FOLDERS, { withFileTypes: true })).filter(
    ({ name }) => existsSync(join(ADAPTER_FOLDERS, name, 'definition.ts')) && name !== 'shared',
  );
  expect(Object.keys(ADAPTERS).sort()).toEqual(folders.map(({ name }) => name).sort());
});

for (const [kind, load] of Object.entries(ADAPTERS)) {
  test(`${kind}: says its own kind, refuses unknown keys, and its capabilities can not be changed`, async () => {
    const definition = await load();
    expect(definition.kind).toBe(kind);
    expect(Object.isFrozen(definition.capabilities)).toBe(true);
    const parsed = definition.configSchema.safeParse({ kind, noSuchKey: 1 });
    expect(JSON.stringify(parsed.error?.issues)).toContain('noSuchKey');
  });
}
