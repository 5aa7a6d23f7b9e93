import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { simulated } from '../../../src/adapters/simulated/definition.ts';
import { simnetConfigSchema, simnetFileSchema } from '../../../src/adapters/simulated/simnet-config.ts';

function messages(config: unknown): string[] {
  const parsed = simnetConfigSchema.safeParse(config);
  return parsed.success ? [] : parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
}

test('everything has a default', () => {
  const { simnet } = simnetFileSchema.parse({});
  expect(simnet).toMatchObject({
    socket: 'data/simnet.sock',
    dir: 'data/simnet',
    nodes: ['seller', 'buyer', 'buyer2', 'router'],
    confirmations: 3,
    blockSeconds: 0,
  });
  expect(simnet.channels).toHaveLength(3);
});

test('the example says what the defaults are', () => {
  const file = new URL('../../../examples/three-processes/simnet.yaml', import.meta.url);
  expect(simnetFileSchema.parse(parse(readFileSync(file, 'utf8')))).toEqual(simnetFileSchema.parse({}));
});

test('nodes of one’s own have only the channels that are given', () => {
  expect(simnetConfigSchema.parse({ nodes: ['a', 'b'] }).channels).toEqual([]);
});

test('a mistake is told with its place', () => {
  expect(messages({ nodes: ['a', 'a'] })).toEqual(['nodes: a name stands there twice']);
  expect(messages({ channels: [{ from: 'buyer', to: 'carol', sat: 100_000 }] })).toEqual([
    'channels.0: no node is named carol: add it to nodes',
  ]);
  expect(messages({ channels: [{ from: 'buyer', to: 'buyer', sat: 100_000 }] })).toEqual(['channels.0: a channel is between two nodes']);
  expect(messages({ nodse: [] })[0]).toContain('nodse');
  expect(messages({ confirmations: 0 })[0]).toContain('confirmations');
});

test('a backend is of a socket or of a directory, and of the seller unless told otherwise', () => {
  expect(simulated.configSchema.parse({ kind: 'simulated' })).toEqual({ kind: 'simulated', node: 'seller' });
  expect(simulated.configSchema.safeParse({ kind: 'simulated', socket: 'a', dir: 'b' }).success).toBe(false);
  expect(simulated.configSchema.safeParse({ kind: 'simulated', sokcet: 'a' }).success).toBe(false);
});
