import { SUITES, type SuiteName } from '../run.ts';
import { everywhere, type Roles } from '../targets/target.ts';
import type { ContractOptions } from './options.ts';

/** One network to open and what to run on it. */
export interface PlannedRun {
  /** `lnd`, `lnd → cln`, `lnd → eclair → cln`; heads a column of the table. */
  readonly name: string;
  readonly roles: Roles;
  /** Titles by suite. */
  readonly cases: Readonly<Partial<Record<SuiteName, readonly string[]>>>;
}

/** Cases of the backend suite that are about both ends of a payment, and so are run on every pair. */
const PAIR_PREFIX = 'payments:';

/** The runs that a command line asks for, over the backends that the network has. */
export function planRuns(options: ContractOptions, kinds: readonly string[]): readonly PlannedRun[] {
  const { backend, payer = backend, middle = payer, payee = payer } = options;
  if (payer !== undefined && middle !== undefined && payee !== undefined) {
    return [plannedRun({ payer, middle, payee }, options, () => true)];
  }
  return [
    ...kinds.map((kind) => plannedRun(everywhere(kind), options, () => true)),
    ...pairs(kinds).map((roles) =>
      plannedRun(roles, options, (suite, title) => suite === 'tickerplant-flow' || title.startsWith(PAIR_PREFIX)),
    ),
  ].filter(({ cases }) => Object.keys(cases).length > 0);
}

/** Every two different kinds, both ways, with the third between where there is one. */
function pairs(kinds: readonly string[]): readonly Roles[] {
  return kinds.flatMap((payer) =>
    kinds
      .filter((payee) => payee !== payer)
      .map((payee) => ({ payer, middle: kinds.find((kind) => kind !== payer && kind !== payee) ?? payee, payee })),
  );
}

function plannedRun(roles: Roles, options: ContractOptions, belongs: (suite: SuiteName, title: string) => boolean): PlannedRun {
  const text = options.only?.toLowerCase() ?? '';
  const cases: Partial<Record<SuiteName, readonly string[]>> = {};
  for (const suite of Object.keys(SUITES) as SuiteName[]) {
    if (options.suite !== undefined && options.suite !== suite) continue;
    const titles = SUITES[suite].map(({ title }) => title);
    const chosen = titles.filter((title) => belongs(suite, title) && title.toLowerCase().includes(text));
    if (chosen.length > 0) cases[suite] = chosen;
  }
  return { name: nameOf(roles), roles, cases };
}

function nameOf({ payer, middle, payee }: Roles): string {
  if (payer === middle && payer === payee) return payer;
  return [payer, middle, payee].join(' → ');
}
