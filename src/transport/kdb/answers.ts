import type { Clock } from '../../core/ports/clock.ts';
import type { BalanceEvent, GapEvent } from '../../core/tickerplant/messages.ts';
import type { TableDefinition } from '../../core/tickerplant/schema.ts';
import type { TickerplantService } from '../../core/tickerplant/service.ts';
import { error, GENERIC_NULL, list, long, symbol, symbols, table } from '../../kdb/build.ts';
import { emptyTable, letterOf } from '../../kdb/columns.ts';
import { NULL_LONG } from '../../kdb/nulls.ts';
import { rowsOfData } from '../../kdb/rows.ts';
import { bytesOf } from '../../kdb/text.ts';
import { daysOfDate } from '../../kdb/times.ts';
import type { K, KList } from '../../kdb/types.ts';
import type { Operator } from '../shared/access/operators.ts';
import type { KdbBuyer, ResumeFrom } from './buyer.ts';
import { symbolsOf, tableOf, textArgument } from './calls/arguments.ts';
import type { Call } from './calls/call.ts';
import { CallError } from './errors.ts';
import { invoiceDictionary, invoiceTable } from './invoices.ts';

/** What answering a call needs. */
export interface AnswerContext {
  readonly tickerplant: TickerplantService;
  readonly buyer: KdbBuyer;
  /** Who publishes here; undefined: this login may not. */
  readonly publisher: Operator | undefined;
  readonly clock: Clock;
}

type Answer = (context: AnswerContext, args: readonly K[]) => K | Promise<K>;

/** Every call that there is, by name. What is not here is an error; nothing is looked up anywhere else. */
const ANSWERS: ReadonlyMap<string, Answer> = new Map<string, Answer>([
  ['.u.sub', subscribe],
  ['.u.unsub', unsubscribe],
  ['.u.resume', resume],
  ['.u.pendingInvoices', ({ buyer }, args) => ranked(args, 0, 1, () => invoiceTable(buyer.invoices()))],
  ['.u.gaps', ({ buyer }, args) => ranked(args, 0, 1, () => gapTable(buyer.gaps()))],
  ['.u.balance', ({ buyer }, args) => ranked(args, 0, 1, () => balanceTable(buyer.balances()))],
  ['.u', (context, args) => ranked(args, 1, 1, () => namespaceOf(context, args[0] as K))],
  ...['.u.t', '.u.i', '.u.j', '.u.L', '.u.d'].map((name): [string, Answer] => [
    name,
    (context, args) => ranked(args, 0, 0, () => variable(context, name.slice('.u.'.length))),
  ]),
  ['tables', ({ tickerplant }, args) => ranked(args, 0, 1, () => symbols(names(tickerplant).toSorted(), 'sorted'))],
  ['meta', ({ tickerplant }, args) => ranked(args, 1, 1, () => metaOf(definition(tickerplant, args[0])))],
  ['cols', ({ tickerplant }, args) => ranked(args, 1, 1, () => symbols(definition(tickerplant, args[0]).columns.map(({ name }) => name)))],
  ['upd', publish],
  ['.u.upd', publish],
]);

/** Answers a call. @throws CallError `nyi` for what is not known, and whatever the call throws. */
export async function answerCall(call: Call, context: AnswerContext): Promise<K> {
  switch (call.kind) {
    case 'value':
      return call.value;
    case 'apply': {
      const answer = ANSWERS.get(call.name);
      if (answer === undefined) throw new CallError(`nyi: ${clipped(call.name)} is not a call of this tickerplant; nothing is evaluated`);
      return await answer(context, call.args);
    }
    case 'list': {
      const items: K[] = [];
      for (const each of call.calls) items.push(await answerCall(each, context));
      return list(...items);
    }
    case 'sequence': {
      let last: K = GENERIC_NULL;
      for (const each of call.calls) last = await answerCall(each, context);
      return call.silent ? GENERIC_NULL : last;
    }
  }
}

async function subscribe({ tickerplant, buyer }: AnswerContext, args: readonly K[]): Promise<K> {
  if (args.length !== 2) throw new CallError('rank: .u.sub[table;symbols]');
  const name = tableOf(args[0]);
  const syms = symbolsOf(args[1]);
  if (name === '*') {
    await buyer.subscribe(name, syms);
    // Exact pairs: what unmodified subscribers assign, item by item. The invoice stands in .u.pendingInvoices[].
    return list(...tickerplant.tables().map(pair));
  }
  const schema = pair(definition(tickerplant, args[0]));
  const invoice = await buyer.subscribe(name, syms);
  return invoice === undefined ? schema : list(...schema.items, invoiceDictionary(invoice));
}

async function unsubscribe({ tickerplant, buyer }: AnswerContext, args: readonly K[]): Promise<K> {
  if (args.length !== 1 && args.length !== 2) throw new CallError('rank: .u.unsub[table;symbols]');
  const name = tableOf(args[0]);
  if (name !== '*') definition(tickerplant, args[0]);
  const stopped = await buyer.unsubscribe(name, args[1] === undefined ? '*' : symbolsOf(args[1]));
  return name === '*' ? tableDictionary(stopped) : symbols(stopped.get(name) ?? []);
}

async function resume({ buyer }: AnswerContext, args: readonly K[]): Promise<K> {
  if (args.length !== 1 && args.length !== 2) throw new CallError('rank: .u.resume[token] or .u.resume[token;`start]');
  const from = args[1] === undefined ? 'drained' : textArgument(args[1], 'where to begin');
  if (from !== 'drained' && from !== 'start' && from !== 'live')
    throw new CallError('domain: a resume begins at `drained, `start or `live');
  return tableDictionary(await buyer.resume(textArgument(args[0], 'a token'), from satisfies ResumeFrom));
}

function publish({ tickerplant, publisher }: AnswerContext, args: readonly K[]): K {
  if (publisher === undefined) throw new CallError('access: this login may not publish');
  if (args.length !== 2) throw new CallError('rank: .u.upd[table;rows]');
  const schema = definition(tickerplant, args[0]);
  publisher.assertMayPublish(schema.name);
  tickerplant.publish(schema.name, rowsOfData(schema.columns, args[1] as K));
  return GENERIC_NULL;
}

function namespaceOf(context: AnswerContext, index: K): K {
  if (index.kind === 'atom' && index.type === 'symbol') return variable(context, index.value);
  if (index.kind === 'vector' && index.type === 'symbol') return list(...index.values.map((name) => variable(context, name)));
  throw new CallError('type: .u is indexed by symbols');
}

/** There is no log that a client could read: its length is null, which makes `r.q` skip the replay. */
function variable({ tickerplant, clock }: AnswerContext, name: string): K {
  switch (name) {
    case 't':
      return symbols(names(tickerplant));
    case 'i':
    case 'j':
      return long(NULL_LONG);
    case 'L':
      return symbol('');
    case 'd':
      return { kind: 'atom', type: 'date', value: daysOfDate(new Date(clock.now()).toISOString().slice(0, 10)) };
    default:
      throw new CallError(`.u.${clipped(name)}`);
  }
}

/** `'x` for a table that is not there, as kdb+ tick has it. */
function definition(tickerplant: TickerplantService, argument: K | undefined): TableDefinition {
  const name = tableOf(argument);
  const found = tickerplant.tables().find((each) => each.name === name);
  if (found === undefined) throw new CallError(clipped(name === '*' ? '' : name));
  return found;
}

function names(tickerplant: TickerplantService): readonly string[] {
  return tickerplant.tables().map(({ name }) => name);
}

/** (table; empty schema), what kdb+ tick answers. */
function pair({ name, columns }: TableDefinition): KList {
  return list(symbol(name), emptyTable(columns));
}

function metaOf({ columns }: TableDefinition): K {
  const letters = columns.map(({ type }) => letterOf(type)).join('');
  return {
    kind: 'dictionary',
    sorted: false,
    keys: table({ c: symbols(columns.map(({ name }) => name)) }),
    values: table({
      t: { kind: 'vector', type: 'char', attribute: 'none', values: bytesOf(letters) },
      f: symbols(columns.map(() => '')),
      a: symbols(columns.map(({ name }) => (name === 'sym' ? 'g' : ''))),
    }),
  };
}

function tableDictionary(tables: ReadonlyMap<string, readonly string[]>): K {
  const values = list(...[...tables.values()].map((syms) => symbols(syms)));
  return { kind: 'dictionary', sorted: false, keys: symbols([...tables.keys()]), values };
}

function gapTable(gaps: readonly GapEvent[]): K {
  const longs = (of: (gap: GapEvent) => bigint) =>
    ({ kind: 'vector', type: 'long', attribute: 'none', values: BigInt64Array.from(gaps, of) }) as const;
  return table({
    table: symbols(gaps.map((gap) => gap.table)),
    sym: symbols(gaps.map(({ sym }) => sym)),
    epoch: longs(({ epoch }) => BigInt(epoch)),
    from: longs(({ from }) => BigInt(from)),
    to: longs(({ to }) => (to === undefined ? NULL_LONG : BigInt(to))),
    reason: symbols(gaps.map(({ reason }) => reason)),
  });
}

function balanceTable(balances: readonly BalanceEvent[]): K {
  const values = BigInt64Array.from(balances, ({ balanceMsat }) => balanceMsat);
  return table({
    subscription: symbols(balances.map(({ subscription }) => subscription)),
    balance: { kind: 'vector', type: 'long', attribute: 'none', values },
    state: symbols(balances.map(({ state }) => state)),
  });
}

function ranked(args: readonly K[], least: number, most: number, answer: () => K): K {
  if (args.length < least || args.length > most) throw new CallError('rank');
  return answer();
}

/** Names come from strangers: an error must not grow with them. */
function clipped(name: string): string {
  const short = name.length > 64 ? `${name.slice(0, 64)}…` : name;
  return short.replaceAll('\0', '');
}

/** The answer that stands for an error. */
export function errorAnswer(text: string): K {
  return error(text.replaceAll('\0', ''));
}
