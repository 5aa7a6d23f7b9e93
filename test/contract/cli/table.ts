import { whyNot } from '../describe.ts';
import { SUITE_NAMES } from './case-list.ts';
import { type Cell, cellOf, countsOf, type RunOutcome } from './outcome.ts';

/** The results as a table, cases × runs, with a note for each capability that took a case out. */
export function table(outcomes: readonly RunOutcome[]): string {
  const notes: string[] = [];
  const rows: string[][] = [['', ...outcomes.map(({ run }) => run.name)]];
  for (const suite of SUITE_NAMES) {
    const titles = [...new Set(outcomes.flatMap(({ run }) => run.cases[suite] ?? []))];
    if (titles.length > 0) rows.push([suite, ...outcomes.map(() => '')]);
    for (const title of titles) rows.push([`  ${title}`, ...outcomes.map((each) => text(cellOf(each, suite, title), notes))]);
  }
  const counts = outcomes.map(countsOf);
  rows.push(['passed', ...counts.map(({ passed }) => String(passed))]);
  rows.push(['failed', ...counts.map(({ failed }) => String(failed))]);
  rows.push(['not applicable (n/a)', ...counts.map(({ notApplicable }) => String(notApplicable))]);
  const lines = aligned(rows);
  const rule = '─'.repeat(Math.max(...lines.map((line) => line.length)));
  const legend = notes.map((note, index) => `n/a ${index + 1}: ${note}`);
  return [...lines.slice(0, 1), rule, ...lines.slice(1, -3), rule, ...lines.slice(-3), ...(legend.length > 0 ? ['', ...legend] : [])].join(
    '\n',
  );
}

function text(cell: Cell | undefined, notes: string[]): string {
  switch (cell?.result) {
    case undefined:
      return '';
    case 'passed':
      return 'passed';
    case 'failed':
      return 'FAILED';
    case 'not-run':
      return 'NOT RUN';
    case 'not-applicable': {
      const note = whyNot(cell.because);
      if (!notes.includes(note)) notes.push(note);
      return `n/a ${notes.indexOf(note) + 1}`;
    }
  }
}

function aligned(rows: readonly (readonly string[])[]): readonly string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}
