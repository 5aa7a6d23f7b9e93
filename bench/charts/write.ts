import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import type { BenchResult } from '../bench.ts';
import { barsSvg } from './bars.ts';
import { REPORTS, type Report } from './reports.ts';

/**
 * Writes a run's figures: its result as `NAME.json` and its charts into the folder, and its table between the marks
 * `<!-- figures: NAME -->` and `<!-- end: NAME -->` of the page that stands beside the folder under its name. Nothing on the page is
 * typed by hand, so that it says what was measured and when.
 */
export function writeCharts(folder: string, result: BenchResult): void {
  const name = String(result['bench']);
  const report = REPORTS[name]?.(result);
  if (report === undefined) throw new Error(`${name} has no charts`);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, `${name}.json`), `${JSON.stringify(result)}\n`);
  for (const chart of report.charts) writeFileSync(join(folder, `${chart.file}.svg`), barsSvg(chart));
  const page = `${resolve(folder)}.md`;
  if (existsSync(page)) writeFileSync(page, withFigures(readFileSync(page, 'utf8'), name, figuresOf(folder, result, report)));
}

/** A page with the part between a name's marks replaced. @throws Error where the marks are not there. */
export function withFigures(page: string, name: string, figures: string): string {
  const [begin, end] = [`<!-- figures: ${name} -->`, `<!-- end: ${name} -->`];
  const from = page.indexOf(begin);
  const to = page.indexOf(end);
  if (from === -1 || to < from) throw new Error(`the page has no place for ${name}: ${begin} … ${end}`);
  return `${page.slice(0, from + begin.length)}\n\n${figures}\n\n${page.slice(to)}`;
}

function figuresOf(folder: string, result: BenchResult, { table, charts }: Report): string {
  const name = String(result['bench']);
  const [head = [], ...rows] = table;
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  const how = `Measured on ${new Date().toISOString().slice(0, 10)} with Node ${String(result['node'] ?? process.version)}${result['quick'] === true ? ', `--quick`' : ''}; all of it in [${name}.json](${basename(folder)}/${name}.json).`;
  return [
    how,
    '',
    line(head),
    line(head.map(() => '---')),
    ...rows.map(line),
    '',
    ...charts.map(({ file, title }) => `![${title}](${basename(folder)}/${file}.svg)`),
  ].join('\n');
}
