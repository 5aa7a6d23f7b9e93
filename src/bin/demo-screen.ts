import type { WriteStream } from 'node:tty';
import { renderUnicodeCompact } from 'uqr';
import type { Tally, VisitorEvent } from '../app/demo/audience.ts';
import type { DemoEvent, DemoResult } from '../app/demo/demo.ts';

const NAME_WIDTH = 13;
const PLAIN_COUNTS_EVERY = 5;

/** Tells in plain words what happens in the demo, a line each; on a terminal the counts stay on one line. */
export class DemoScreen {
  readonly #out: Pick<WriteStream, 'write'> & { readonly isTTY?: boolean };
  readonly #firstRows = new Set<string>();
  #shownQr = false;
  #countsOnScreen = false;
  #counted = 0;

  constructor(out: Pick<WriteStream, 'write'> & { readonly isTTY?: boolean }) {
    this.#out = out;
  }

  show(event: DemoEvent): void {
    if (event.type === 'listening') {
      this.note('A tickerplant that is paid over Lightning. The network is simulated: play money, real sockets.');
      this.note('');
      this.#say('server', `listening on ${event.url}, selling ${event.symbols.join(' ')} at 100 sat a symbol`);
    } else if (event.type === 'publishing') {
      this.#say('server', event.replay ? 'both have paid: publishing the file' : 'publishing random trades');
    } else if (event.type === 'counts') this.#counts(event.published, event.tallies);
    else this.#visitor(event.event);
  }

  result({ published, settled, delivered, unpaidDelivered, settleToFirstTickMs, bySymbol }: DemoResult): void {
    this.note('');
    this.note(
      `Published ${published} rows; ${settled} quotes were paid; ${delivered} rows were delivered to who had paid, ${unpaidDelivered} to who had not.`,
    );
    const symbols = Object.entries(bySymbol).map(([sym, rows]) => `${sym} ${rows}`);
    if (symbols.length > 0) this.note(`The buyer of all received ${symbols.join(', ')}.`);
    if (settleToFirstTickMs !== undefined) {
      this.note(`From settlement to first row: ${settleToFirstTickMs.p50} ms (median), ${settleToFirstTickMs.p99} ms (p99).`);
    }
  }

  /** A line of its own. */
  note(line: string): void {
    if (this.#countsOnScreen) this.#out.write('\n');
    this.#countsOnScreen = false;
    this.#out.write(`${line}\n`);
  }

  #visitor({ visitor, event }: VisitorEvent): void {
    const { name } = visitor;
    if (event.type === 'quote') {
      const { amountMsat, invoice, items } = event.quote;
      const syms = items.flatMap((item) => item.syms).join(' ');
      this.#say(name, `asked for ${syms} and was quoted ${amountMsat / 1000n} sat: ${invoice.slice(0, 40)}…`);
      if (!this.#shownQr && visitor.wallet !== undefined)
        this.note(indent(renderUnicodeCompact(invoice.toUpperCase(), { ecc: 'L', border: 1 })));
      this.#shownQr ||= visitor.wallet !== undefined;
      if (visitor.wallet === undefined) this.#say(name, 'does not pay');
    } else if (event.type === 'paid') {
      this.#say(name, `paid ${event.amountMsat / 1000n} sat and ${event.feeMsat} msat for routing`);
    } else if (event.type === 'active') {
      this.#say(name, `has ${event.syms.join(' ')} until ${new Date(event.until).toISOString()}`);
    } else if (event.type === 'rows' && !this.#firstRows.has(name)) {
      this.#firstRows.add(name);
      this.#say(name, `first row: ${event.columns.map((column, index) => `${column.name} ${event.rows[0]?.[index]}`).join(', ')}`);
    } else if (event.type === 'gap') {
      this.#say(name, `misses ${event.sym} ${event.from} to ${event.to ?? '?'} (${event.reason})`);
    }
  }

  #counts(published: number, tallies: readonly Tally[]): void {
    const line = `  ${published} rows published │ ${tallies.map((tally) => `${tally.name}: ${tally.rows}`).join(' │ ')}`;
    this.#counted += 1;
    if (this.#out.isTTY === true) {
      this.#out.write(`\r${line}\u001b[K`);
      this.#countsOnScreen = true;
    } else if (this.#counted % PLAIN_COUNTS_EVERY === 0) this.note(line);
  }

  #say(who: string, what: string): void {
    this.note(`${who.padEnd(NAME_WIDTH)} ${what}`);
  }
}

function indent(block: string): string {
  return block
    .split('\n')
    .map((line) => `  ${line}`)
    .join('\n');
}
