import { once } from 'node:events';
import { createConnection } from 'node:net';
import { WebSocket } from 'ws';
import type { NodeConfig } from '../../regtest/network.ts';
import { openBackend } from '../../regtest/open-backend.ts';
import { type ClnConfig, clnConfigSchema } from '../../src/adapters/cln/config.ts';
import { AnswerReader } from '../../src/adapters/cln/framing.ts';
import { socketPath } from '../../src/adapters/cln/socket-path.ts';
import { lndConfigSchema, toConnection } from '../../src/adapters/lnd/client/config.ts';
import { readCredentials } from '../../src/adapters/lnd/client/credentials.ts';

/** Told of each settled invoice as its event arrives, before anything is done with it. */
export type OnRawEvent = (paymentHash: string) => void;

/**
 * The node's own word that an invoice was paid, without our adapter: ln-service's subscription on lnd, `waitanyinvoice` on Core Lightning's
 * socket, eclair's WebSocket; the simulated network's own stream. Resolves when it listens.
 */
export async function listenRaw(config: NodeConfig, onEvent: OnRawEvent): Promise<void> {
  if (config.kind === 'lnd') await listenToLnd(config, onEvent);
  else if (config.kind === 'cln') await listenToCln(clnConfigSchema.parse(config), onEvent);
  else if (config.kind === 'eclair') await listenToEclair(config, onEvent);
  else await listenToSimulated(config, onEvent);
}

interface InvoiceUpdates {
  on(event: 'invoice_updated', listener: (invoice: { readonly id: string; readonly is_confirmed: boolean }) => void): void;
  on(event: 'error', listener: (error: unknown) => void): void;
}

interface LnService {
  authenticatedLndGrpc(options: object): { readonly lnd: object };
  subscribeToInvoices(options: { readonly lnd: object }): InvoiceUpdates;
}

async function listenToLnd(config: NodeConfig, onEvent: OnRawEvent): Promise<void> {
  const connection = toConnection(lndConfigSchema.parse(config));
  const { macaroon, cert } = await readCredentials(connection);
  const lnService = (await import('ln-service')) as unknown as LnService;
  const { lnd } = lnService.authenticatedLndGrpc({ macaroon, socket: connection.socket, ...(cert !== undefined && { cert }) });
  const updates = lnService.subscribeToInvoices({ lnd });
  updates.on('invoice_updated', ({ id, is_confirmed }) => {
    if (is_confirmed) onEvent(id);
  });
  updates.on('error', fail);
}

async function listenToCln(config: ClnConfig, onEvent: OnRawEvent): Promise<void> {
  const socket = createConnection(await socketPath(config));
  await once(socket, 'connect');
  const reader = new AnswerReader();
  const ask = (after: number): void => {
    socket.write(
      `${JSON.stringify({ jsonrpc: '2.0', id: String(after), method: 'waitanyinvoice', params: { lastpay_index: after } })}\n\n`,
    );
  };
  socket.on('error', fail);
  socket.setEncoding('utf8').on('data', (text: string) => {
    for (const answer of reader.push(text)) {
      const paid = answer.result as { readonly payment_hash: string; readonly pay_index: number } | undefined;
      if (paid === undefined) fail(answer.error);
      else {
        onEvent(paid.payment_hash);
        ask(paid.pay_index);
      }
    }
  });
  ask(0);
}

async function listenToEclair(config: NodeConfig, onEvent: OnRawEvent): Promise<void> {
  const { url, password } = config as { readonly url?: unknown; readonly password?: unknown };
  if (typeof url !== 'string' || typeof password !== 'string') throw new Error('eclair’s URL and password must stand in its config here');
  const authorization = `Basic ${Buffer.from(`:${password}`).toString('base64')}`;
  const socket = new WebSocket(`${url.replace(/^http/, 'ws').replace(/\/$/, '')}/ws`, { headers: { authorization } });
  socket.on('error', fail);
  socket.on('message', (data) => {
    const event = JSON.parse(String(data)) as { readonly type: string; readonly paymentHash?: string };
    if (event.type === 'payment-received' && event.paymentHash !== undefined) onEvent(event.paymentHash);
  });
  await once(socket, 'open');
}

async function listenToSimulated(config: NodeConfig, onEvent: OnRawEvent): Promise<void> {
  const { invoices } = await openBackend(config);
  void (async () => {
    for await (const event of invoices.settlements({})) if (event.kind === 'settled') onEvent(event.settlement.paymentHash);
  })().catch(fail);
}

/** Without it nothing can be measured. */
function fail(error: unknown): never {
  console.error('the node’s own events were lost:', error);
  process.exit(1);
}
