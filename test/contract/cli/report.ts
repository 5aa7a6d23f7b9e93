import { whyNot } from '../describe.ts';
import type { CaseResult } from '../run.ts';
import { type Counts, countsOf, type RunOutcome } from './outcome.ts';

const STACK_LINES = 6;

/** One line about a case that has just ended. */
export function progressLine(run: string, result: CaseResult): string {
  switch (result.result) {
    case 'passed':
      return `${run}  passed  ${result.title}  ${duration(result.ms)}`;
    case 'failed':
      return `${run}  FAILED  ${result.title}  ${duration(result.ms)}: ${firstLine(result.error.message)}`;
    case 'not-applicable':
      return `${run}  n/a     ${result.title}: ${whyNot(result.because)}`;
  }
}

/** Each failure with its message and where it comes from; empty where there is none. */
export function failures(outcomes: readonly RunOutcome[], otherwise: readonly string[]): string {
  const blocks = outcomes.flatMap(({ run, results, error }) => [
    ...(error === undefined ? [] : [`${run.name}: no case ran, for the network could not be had\n${indent(error.message)}`]),
    ...Object.values(results)
      .flat()
      .flatMap((each) => (each.result === 'failed' ? [`${run.name}: ${each.title}\n${indent(details(each.error))}`] : [])),
  ]);
  return [...blocks, ...otherwise].join('\n\n');
}

/** The closing line. */
export function closingLine({ passed, failed }: Counts): string {
  return `${passed} passed, ${failed} failed`;
}

/** The results for programs. */
export function asJson(network: string, outcomes: readonly RunOutcome[], otherwise: readonly string[], counts: Counts): string {
  const runs = outcomes.map((outcome) => ({
    name: outcome.run.name,
    roles: outcome.run.roles,
    ...countsOf(outcome),
    ...(outcome.error === undefined ? {} : { error: outcome.error.message }),
    suites: Object.fromEntries(
      Object.entries(outcome.run.cases).map(([suite, titles]) => [
        suite,
        titles.map((title) =>
          plain(outcome.results[suite as keyof typeof outcome.results]?.find((each) => each.title === title) ?? { title }),
        ),
      ]),
    ),
  }));
  return JSON.stringify({ network, ...counts, otherwise, runs }, undefined, 2);
}

function plain(result: CaseResult | { readonly title: string }): Readonly<Record<string, unknown>> {
  if (!('result' in result)) return { ...result, result: 'not-run' };
  if (result.result === 'failed') return { ...result, ms: Math.round(result.ms), error: result.error.message };
  return result.result === 'passed' ? { ...result, ms: Math.round(result.ms) } : result;
}

/** Message and causes, and the first lines of the stack: where in the case it was. */
function details(error: Error): string {
  const frames = (error.stack ?? '')
    .split('\n')
    .filter((line) => /^\s+at /.test(line) && !line.includes('node:internal'))
    .slice(0, STACK_LINES)
    .map((line) => line.trim());
  const cause = error.cause instanceof Error ? [`caused by: ${error.cause.message}`] : [];
  return [error.message, ...cause, ...frames].join('\n');
}

function duration(ms: number): string {
  return ms < 1_000 ? `${Math.round(ms)} ms` : `${(ms / 1_000).toFixed(1)} s`;
}

function firstLine(message: string): string {
  return message.split('\n', 1)[0] ?? '';
}

function indent(text: string): string {
  return text
    .split('\n')
    .map((line) => `  ${line}`)
    .join('\n');
}
