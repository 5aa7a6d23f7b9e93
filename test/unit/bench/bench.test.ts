import { describe, expect, it } from 'vitest';
import { barsSvg } from '../../../bench/charts/bars.ts';
import { withFigures } from '../../../bench/charts/write.ts';
import { interests } from '../../../bench/fanout/interest.ts';
import { clientFrame, encodeJob } from '../../../bench/shared/job.ts';
import { ROW_TEXT, rowsOfTurn } from '../../../bench/shared/rows.ts';
import { flowOf } from '../../../bench/shared/sink.ts';
import { pairedRatio, percentile } from '../../../bench/shared/statistics.ts';

describe('what benchmarks are made of', () => {
  it('makes rows of exactly 100 bytes with one mark, stamped or not', () => {
    for (const stamped of [false, true]) {
      for (const row of rowsOfTurn(97, 6, stamped)) {
        const text = JSON.stringify(row);
        expect(Buffer.byteLength(text)).toBe(100);
        expect(text.split('|')).toHaveLength(2);
        expect(text.indexOf('|')).toBe(ROW_TEXT.indexOf('|'));
      }
    }
    expect(rowsOfTurn(97, 6, false).map(([, sym]) => sym)).toEqual(['S97', 'S98', 'S99', 'S00', 'S01', 'S02']);
  });

  it('gives every subscriber another half of the symbols, the same at every run', () => {
    const sets = interests('own', 20);
    expect(sets.every((set) => set.length === 50 && new Set(set).size === 50)).toBe(true);
    expect(new Set(sets.map(String)).size).toBe(20);
    expect(interests('own', 20)).toEqual(sets);
    expect(interests(0.01, 101).map(([only]) => only)).toEqual([...Array.from({ length: 100 }, (_, i) => i), 0]);
  });

  it('takes the ratio of rounds, not of medians', () => {
    expect(pairedRatio([10, 100, 1_000], [5, 50, 500])).toBe(2);
    expect(percentile([4, 1, 3, 2], 0.99)).toBe(4);
    expect(percentile([4, 1, 3, 2], 0.5)).toBe(3);
  });

  it('lets at least a turn be under way, and whole turns only', () => {
    for (const subscribers of [1, 200, 2_000, 100_000]) {
      for (const rowsPerTurn of [1, 10, 100]) {
        const { windowRows, ackRows } = flowOf(subscribers, rowsPerTurn);
        expect(ackRows).toBeGreaterThanOrEqual(rowsPerTurn);
        expect(ackRows % rowsPerTurn).toBe(0);
        expect(windowRows % ackRows).toBe(0);
      }
    }
  });

  it('writes a job as the sink reads it', () => {
    const job = encodeJob('kdb', [{ stages: [{ send: 'ab', wait: '\x03' }], takes: [1] }], 3);
    expect(job.toString('hex')).toBe(
      ['01000000', '03000000', '02000000', '01000000', '02000000', '6162', '01000000', '03', '000100'].join(''),
    );
    expect(Buffer.from(clientFrame('40')).toString('hex')).toBe('8182000000003430');
    expect(Buffer.from(clientFrame('x'.repeat(200))).toString('hex', 0, 8)).toBe('81fe00c800000000');
  });

  it('puts figures between a name’s marks and leaves the rest of the page', () => {
    const page = 'a\n<!-- figures: x -->\n\nold\n\n<!-- end: x -->\nb <!-- figures: y --><!-- end: y -->';
    expect(withFigures(page, 'x', 'new')).toBe('a\n<!-- figures: x -->\n\nnew\n\n<!-- end: x -->\nb <!-- figures: y --><!-- end: y -->');
    expect(() => withFigures(page, 'z', 'new')).toThrow('no place for z');
  });

  it('draws bars as long as their values, and escapes their names', () => {
    const bars = [
      { name: 'a<b', value: 1, text: '1' },
      { name: 'c', value: 2, text: '2' },
    ];
    const svg = barsSvg({ file: 'x', title: 'T&T', groups: [{ label: 'g', bars }] });
    const widths = [...svg.matchAll(/<rect x="150" y="\d+" width="([\d.]+)"/g)].map(([, width]) => Number(width));
    expect(widths[1]).toBeCloseTo((widths[0] ?? 0) * 2, 0);
    expect(svg).not.toContain('a<b');
    expect(svg.startsWith('<svg xmlns=')).toBe(true);
  });
});
