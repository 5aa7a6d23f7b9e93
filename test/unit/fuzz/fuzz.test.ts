import { expect, test } from 'vitest';
import { of } from '../../fuzz/parser.ts';
import { PARSERS, parserOf } from '../../fuzz/parsers.ts';
import { fuzz } from '../../fuzz/worker.ts';

test.each(Object.keys(PARSERS))('%s: the corpus and a few inputs by chance bring no fault', async (name) => {
  const { fault } = await fuzz(await parserOf(name), 60, 1);
  expect(fault).toBeUndefined();
});

test('an error that is not declared is a fault, with a small input that brings it about', async () => {
  const parser = {
    name: 'broken',
    kind: 'text' as const,
    seeds: () => ['abc'],
    tokens: ['!'],
    read: (input: Buffer) => {
      if (input.includes('!')) throw new TypeError('nobody thought of this');
    },
    declared: of(SyntaxError),
  };
  const { fault } = await fuzz(parser, 2_000, 1);
  expect(fault?.kind).toBe('crash');
  expect(Buffer.from(fault?.input ?? []).includes('!')).toBe(true);
});

test('an input that takes over a second is a fault', async () => {
  const spentMs = () => {
    const { user, system } = process.threadCpuUsage();
    return (user + system) / 1_000;
  };
  // When it is tried out, run, and run again to be measured; the smaller inputs that are looked for then need not take as long.
  let calls = 0;
  const spin = () => {
    calls += 1;
    if (calls > 3) return;
    for (const end = spentMs() + 1_300; spentMs() < end; );
  };
  const { fault } = await fuzz({ name: 'slow', kind: 'text', seeds: () => ['abc'], read: spin, declared: of(Error) }, 1, 1);
  expect(fault?.kind).toBe('hang');
});

test('what is kept run after run is a fault', async () => {
  const kept: Buffer[] = [];
  const keep = () => void kept.push(Buffer.alloc(20_000, 1));
  const { fault } = await fuzz({ name: 'keeper', kind: 'text', seeds: () => ['abc'], read: keep, declared: of(Error) }, 5_000, 1);
  expect(fault?.kind).toBe('growth');
});
