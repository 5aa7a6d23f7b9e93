import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { txId } from '../../src/core/lightning/identifiers.ts';
import type { RegtestNetwork } from '../network.ts';
import { POLAR_BITCOIND } from './polar-network.ts';

/** A JSON-RPC server that answers as Polar's bitcoind does, as far as a regtest network needs it. */
export interface ChainServer extends AsyncDisposable {
  readonly port: number;
}

const SAT_PER_BTC = 100_000_000;
const COINS = 50;
const UNKNOWN_TRANSACTION = -5;
const UNKNOWN_METHOD = -32_601;

type Params = readonly unknown[];
type Method = (params: Params) => Promise<unknown>;

/** The chain behind another network, served on loopback. Closing it leaves that network as it is. */
export async function serveChain(network: Pick<RegtestNetwork, 'bitcoin' | 'mine'>): Promise<ChainServer> {
  const methods = methodsOf(network);
  const server = createServer((request, response) => {
    answer(request, methods)
      .then(({ status, body }) => response.writeHead(status, { 'content-type': 'application/json' }).end(body))
      .catch(() => response.writeHead(500).end());
  });
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return { port, [Symbol.asyncDispose]: () => close(server) };
}

function methodsOf(network: Pick<RegtestNetwork, 'bitcoin' | 'mine'>): Readonly<Record<string, Method>> {
  const { bitcoin } = network;
  return {
    listwallets: async () => [''],
    getbalance: async () => COINS,
    getblockcount: () => bitcoin.height(),
    getnewaddress: () => bitcoin.newAddress(),
    sendtoaddress: ([address, btc]) => bitcoin.sendToAddress(String(address), Math.round(Number(btc) * SAT_PER_BTC)),
    async generatetoaddress([blocks]) {
      await network.mine(Number(blocks));
      return [];
    },
    async getrawtransaction([id]) {
      const transaction = await bitcoin.getTransaction(txId(String(id)));
      if (transaction === undefined) throw new Refusal(UNKNOWN_TRANSACTION, 'No such mempool or blockchain transaction');
      return { txid: id, confirmations: transaction.confirmations };
    },
  };
}

class Refusal extends Error {
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

async function answer(
  request: IncomingMessage,
  methods: Readonly<Record<string, Method>>,
): Promise<{ readonly status: number; readonly body: string }> {
  const { user, password } = POLAR_BITCOIND;
  const wanted = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
  if (request.headers.authorization !== wanted) return { status: 401, body: '' };
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const {
    id,
    method,
    params = [],
  } = JSON.parse(Buffer.concat(chunks).toString('utf8')) as { id: unknown; method: string; params?: Params };
  try {
    const run = Object.hasOwn(methods, method) ? methods[method] : undefined;
    if (run === undefined) throw new Refusal(UNKNOWN_METHOD, `Method not found: ${method}`);
    return { status: 200, body: JSON.stringify({ result: await run(params), error: null, id }) };
  } catch (error) {
    const code = error instanceof Refusal ? error.code : -1;
    return { status: 500, body: JSON.stringify({ result: null, error: { code, message: (error as Error).message }, id }) };
  }
}

async function close(server: Server): Promise<void> {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
}
