import type { Check, Diagnosis } from '../app/doctor/diagnosis.ts';
import { ExitCode, type ExitCodeValue } from './exit-codes.ts';

const USE = { sell: 'selling', pay: 'paying' } as const;

/** A diagnosis as a table: a line for each check, what to do about it on the next, the same advice once. */
export function diagnosisForPeople({ checks, purpose, usable, reachable }: Diagnosis): string {
  const width = Math.max(...checks.map(({ name }) => name.length));
  const given = new Set<string>();
  const adviceLine = ({ advice }: Check): string[] => {
    if (advice === undefined || given.has(advice)) return [];
    given.add(advice);
    return [`${' '.repeat(width + 10)}→ ${advice}`];
  };
  const lines = checks.flatMap((check) => [
    `${check.status.padEnd(6)}  ${check.name.padEnd(width)}  ${oneLine(check.detail)}`,
    ...adviceLine(check),
  ]);
  const verdict = usable ? `usable for ${USE[purpose]}` : reachable ? `not usable for ${USE[purpose]}` : 'not reachable';
  return `${lines.join('\n')}\n${verdict}\n`;
}

/** 0 usable for its purpose, 1 not, 4 not reachable. */
export function exitCodeOfDiagnosis({ reachable, usable }: Diagnosis): ExitCodeValue {
  if (usable) return ExitCode.ok;
  return reachable ? ExitCode.failed : ExitCode.unavailable;
}

/** An alias or an error text is the node's own: it may hold anything. */
function oneLine(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}]+/gu, ' ');
}
