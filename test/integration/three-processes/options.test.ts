import { expect, test } from 'vitest';
import { HELP, readOptions } from './options.ts';

test('a kind for all, or one for each; what is left out is said in the help', () => {
  expect(readOptions(['--network', 'emulated', '--backend', 'cln', '--seed', '7'])).toEqual({
    network: 'emulated',
    seller: 'cln',
    middle: 'cln',
    buyer: 'cln',
    rounds: 5,
    buyers: 3,
    seed: 7,
  });
  expect(readOptions(['--network', 'native', '--seller', 'eclair', '--buyer', 'cln', '--rounds', '2'])).toMatchObject({
    seller: 'eclair',
    middle: 'cln',
    buyer: 'cln',
    rounds: 2,
  });
  expect(readOptions(['--help'])).toBeUndefined();
  for (const option of ['--network', '--backend', '--seller', '--rounds', '--seed']) expect(HELP).toContain(option);
});

test('a command line that can not be meant says so', () => {
  expect(() => readOptions([])).toThrow('--network (left out): there are emulated, native');
  expect(() => readOptions(['--network', 'moon'])).toThrow('--network moon');
  expect(() => readOptions(['--network', 'native', '--seller', 'ldk'])).toThrow('--seller ldk: there are lnd, cln, eclair');
  expect(() => readOptions(['--network', 'native', '--rounds', '0'])).toThrow('--rounds 0: a whole number from 1');
  expect(() => readOptions(['--network', 'native', '--fast'])).toThrow('--fast');
});
