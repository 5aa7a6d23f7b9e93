import type { DatabaseSync } from 'node:sqlite';
import { type Ledger, LedgerError } from '../../../../src/core/ports/ledger.ts';
import { type Command, GroupCommit } from '../../../../src/storage/ledger/group-commit.ts';
import type { Answer } from '../../../../src/storage/ledger/messages.ts';
import { openDatabase } from '../../../../src/storage/ledger/open-database.ts';

/** The ledger in memory and without its thread, which takes long to start: what is sent in one turn is committed as one group. */
export function directLedger(): Ledger {
  return directStore().ledger;
}

/** The same, with the database that it is in. */
export function directStore(): { readonly ledger: Ledger; readonly database: DatabaseSync } {
  const { database } = openDatabase(':memory:');
  const groups = new GroupCommit(database, ':memory:');
  let waiting: { readonly command: Command; readonly answer: (answer: Answer) => void }[] = [];
  let last: Promise<void> = Promise.resolve();
  const run = async (): Promise<void> => {
    const group = waiting;
    waiting = [];
    const answers = await groups.run(group.map(({ command }) => command));
    for (const [i, { answer }] of group.entries()) answer(answers[i] as Answer);
  };
  const send = (command: string, args: readonly unknown[]): Promise<unknown> =>
    new Promise((resolve, reject) => {
      const answer = (a: Answer): void => ('failure' in a ? reject(new LedgerError(a.failure.code, a.failure.message)) : resolve(a.value));
      waiting.push({ command: { kind: 'command', id: 0, port: 'ledger', command, args: structuredClone(args) as unknown[] }, answer });
      if (waiting.length === 1) last = last.then(run);
    });
  const ledger = new Proxy({} as Ledger, {
    get: (_, name) => (typeof name === 'string' ? (...args: unknown[]) => send(name, args) : async () => database.close()),
  });
  return { ledger, database };
}
