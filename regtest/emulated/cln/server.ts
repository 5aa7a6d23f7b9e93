import { mkdir, rm } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { isLightningError } from '../../../src/core/lightning/errors.ts';
import type { NodeConfig } from '../../network.ts';
import type { EmulatedNodeFactory, EmulatedNodeOptions, EmulatedNodeServer } from '../node-server.ts';
import { channelCommands } from './channel-commands.ts';
import { ChannelHistory } from './channel-history.ts';
import { Coins } from './coins.ts';
import type { Commands } from './command.ts';
import { ClnContext } from './context.ts';
import { decodeCommand } from './decode-command.ts';
import { InvoiceBook } from './invoice-book.ts';
import { invoiceCommands } from './invoice-commands.ts';
import { nodeCommands } from './node-commands.ts';
import { onionCommands } from './onion.ts';
import { Params } from './params.ts';
import { payCommands } from './pay-commands.ts';
import { payListCommands } from './pay-lists.ts';
import { peerCommands } from './peer-commands.ts';
import { CODE, Refusal } from './refusal.ts';
import { RequestReader } from './request-reader.ts';
import { SendPays } from './send-pays.ts';
import { walletCommands } from './wallet-commands.ts';

/** A simulated node behind lightningd's `lightning-rpc`, in `regtest/` of its folder. */
export const emulatedCln: EmulatedNodeFactory = async (options) => new ClnServer(options);

class ClnServer implements EmulatedNodeServer {
  readonly config: NodeConfig;
  readonly invoiceOnlyConfig: undefined;
  readonly #options: EmulatedNodeOptions;
  readonly #commands: Commands;
  readonly #socketPath: string;
  readonly #connections = new Set<Socket>();
  #server: Server | undefined;

  constructor(options: EmulatedNodeOptions) {
    this.#options = options;
    this.#commands = commandsOf(options);
    this.config = { kind: 'cln', lightningDir: options.dir, network: 'regtest' };
    this.#socketPath = join(options.dir, 'regtest', 'lightning-rpc');
  }

  async start(): Promise<void> {
    if (this.#server !== undefined) return;
    await mkdir(join(this.#options.dir, 'regtest'), { recursive: true });
    await rm(this.#socketPath, { force: true });
    const server = createServer((socket) => this.#serve(socket));
    this.#server = server;
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(this.#socketPath, resolve);
    });
  }

  async stop(): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    this.#server = undefined;
    for (const socket of this.#connections) socket.destroy();
    await new Promise<void>((resolve) => server.close(() => resolve()));
  }

  #serve(socket: Socket): void {
    this.#connections.add(socket);
    const ended = new AbortController();
    const reader = new RequestReader();
    socket.setEncoding('utf8');
    socket.on('error', () => {});
    socket.on('close', () => {
      this.#connections.delete(socket);
      ended.abort();
    });
    socket.on('data', (piece: string) => {
      try {
        for (const request of reader.push(piece)) void this.#answer(socket, request, ended.signal);
      } catch {
        // lightningd says this and hangs up.
        socket.end(encode({ jsonrpc: '2.0', id: null, error: { code: -32700, message: 'Invalid token in json input' } }));
      }
    });
  }

  /** One call; others on the same connection go on meanwhile. */
  async #answer(socket: Socket, request: unknown, signal: AbortSignal): Promise<void> {
    const { id = null, method, params } = (request ?? {}) as { id?: unknown; method?: unknown; params?: unknown };
    const send = (body: object) => {
      if (!socket.destroyed) socket.write(encode({ jsonrpc: '2.0', id, ...body }));
    };
    try {
      if (typeof method !== 'string') throw new Refusal(-32600, 'Expected string for method');
      const command = Object.hasOwn(this.#commands, method) ? this.#commands[method] : undefined;
      if (command === undefined) throw new Refusal(CODE.methodNotFound, `Unknown command '${method}'`);
      send({ result: await command.run(new Params(params, command.required, command.optional), { signal }) });
    } catch (error) {
      if (error instanceof Refusal) {
        const { code, message, data } = error;
        send({ error: { code, message, ...(data !== undefined && { data }) } });
      } else if (
        isLightningError(error, 'CONNECTION_LOST') ||
        isLightningError(error, 'UNAVAILABLE') ||
        isLightningError(error, 'ABORTED')
      ) {
        // The simulated node is gone, or was told to lose its answer: so is lightningd.
        socket.destroy();
      } else {
        this.#options.logger.error({ err: error, method }, 'the emulated lightningd failed at a call');
        send({ error: { code: -4, message: error instanceof Error ? error.message : String(error) } });
      }
    }
  }
}

function commandsOf(options: EmulatedNodeOptions): Commands {
  const context = new ClnContext(options);
  const book = new InvoiceBook(context);
  const sendPays = new SendPays(context);
  const history = new ChannelHistory(context);
  const coins = new Coins(context);
  const commands: Commands = {
    ...nodeCommands(context, book, () => Object.keys(commands)),
    ...invoiceCommands(context, book),
    ...payCommands(context, sendPays),
    ...payListCommands(sendPays),
    ...onionCommands(context, sendPays),
    ...peerCommands(context),
    ...channelCommands(context, history),
    ...walletCommands(context, coins),
    decode: decodeCommand(),
  };
  return commands;
}

/** lightningd ends each answer with a blank line. */
function encode(answer: object): string {
  return `${JSON.stringify(answer, (_key, value) => (typeof value === 'bigint' ? Number(value) : value))}\n\n`;
}
