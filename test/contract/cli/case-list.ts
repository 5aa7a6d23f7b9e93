import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { SUITES, type SuiteName } from '../run.ts';

/** Titles by suite, as `cases.json` has them. */
export type CaseList = Readonly<Record<string, readonly string[]>>;

const FILE: string = path.join(import.meta.dirname, '..', 'cases.json');

/** The list of cases that stands in the tree. */
export function readCaseList(): CaseList {
  return JSON.parse(readFileSync(FILE, 'utf8')) as CaseList;
}

/** The cases that the code has. */
export function casesInCode(): CaseList {
  return Object.fromEntries(Object.entries(SUITES).map(([suite, cases]) => [suite, cases.map(({ title }) => title)]));
}

/** Writes the list as the code has it: a case that is taken away is seen in the difference. */
export function writeCaseList(): void {
  writeFileSync(FILE, `${JSON.stringify(casesInCode(), undefined, 2)}\n`);
}

/** What the list has and the code has not, and the other way round; empty where they agree. A line each. */
export function differences(listed: CaseList, inCode: CaseList = casesInCode()): readonly string[] {
  const suites = [...new Set([...Object.keys(listed), ...Object.keys(inCode)])];
  return suites.flatMap((suite) => {
    const [list, code] = [listed[suite] ?? [], inCode[suite] ?? []];
    return [
      ...list.filter((title) => !code.includes(title)).map((title) => `${suite}: listed, but there is no such case: ${title}`),
      ...code.filter((title) => !list.includes(title)).map((title) => `${suite}: not listed in cases.json: ${title}`),
      ...repeated(list).map((title) => `${suite}: listed twice: ${title}`),
      ...repeated(code).map((title) => `${suite}: two cases of one title: ${title}`),
    ];
  });
}

/** The listed titles of a run that have no result. */
export function notRun(listed: readonly string[], results: readonly { readonly title: string }[]): readonly string[] {
  return listed.filter((title) => !results.some((result) => result.title === title));
}

/** The suites of the code, by name. */
export const SUITE_NAMES: readonly SuiteName[] = Object.keys(SUITES) as SuiteName[];

function repeated(titles: readonly string[]): readonly string[] {
  return titles.filter((title, index) => titles.indexOf(title) !== index);
}
