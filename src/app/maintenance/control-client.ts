import { connect } from 'node:net';
import { createInterface } from 'node:readline';
import { LedgerError } from '../../core/ports/ledger.ts';
import { controlPath } from './control-path.ts';

interface Refusal {
  readonly ok: false;
  readonly code: LedgerError['code'];
  readonly message: string;
}

/**
 * Asks the process that has a ledger, or a store's database, open. Undefined where no server listens for it.
 * @throws LedgerError whatever the server answers; `IO` where it ends before it does.
 */
export async function askServer(
  ledger: string,
  request: { readonly op: string; readonly [field: string]: unknown },
): Promise<Readonly<Record<string, unknown>> | undefined> {
  const line = await exchange(controlPath(ledger), JSON.stringify(request));
  if (line === undefined) return undefined;
  if (line === '') throw new LedgerError('IO', `the process that has ${ledger} ended before it answered`);
  const response = JSON.parse(line) as Refusal | ({ readonly ok: true } & Readonly<Record<string, unknown>>);
  if (!response.ok) throw new LedgerError(response.code, response.message);
  return response;
}

/** The line that comes back, empty where none does; undefined where nobody listens. */
function exchange(path: string, line: string): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    let connected = false;
    socket.once('connect', () => {
      connected = true;
      socket.write(`${line}\n`);
    });
    createInterface(socket)
      .on('error', () => undefined)
      .once('line', (text) => {
        resolve(text);
        socket.destroy();
      });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (connected) resolve('');
      else if (error.code === 'ENOENT' || error.code === 'ECONNREFUSED') resolve(undefined);
      else reject(error);
    });
    socket.once('close', () => resolve(''));
  });
}
