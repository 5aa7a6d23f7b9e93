import { once } from 'node:events';
import { type AddressInfo, createServer, type Server as NetServer, type Socket } from 'node:net';
import { Server, ServerCredentials, type ServiceDefinition, type UntypedServiceImplementation } from '@grpc/grpc-js';
import type { Certificate } from './certificate.ts';

const HOST = '127.0.0.1';
const NO_LIMIT = { 'grpc.max_receive_message_length': -1, 'grpc.max_send_message_length': -1 };

/** A service and what answers it. */
export interface Served {
  readonly service: ServiceDefinition;
  readonly implementation: UntypedServiceImplementation;
}

/**
 * A gRPC server behind sockets of our own: they can be cut as a killed process cuts them, where the library would say goodbye.
 */
export class Listener {
  readonly #grpc: Server;
  readonly #net: NetServer;
  readonly #sockets = new Set<Socket>();
  readonly #endInjector: () => void;

  private constructor(grpc: Server, { cert, key }: Certificate) {
    this.#grpc = grpc;
    const credentials = ServerCredentials.createSsl(null, [{ cert_chain: Buffer.from(cert), private_key: Buffer.from(key) }]);
    const injector = grpc.createConnectionInjector(credentials);
    this.#endInjector = () => injector.destroy();
    this.#net = createServer((socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
      socket.on('error', () => {});
      injector.injectConnection(socket);
    });
  }

  /** Listens on loopback, on a port that is free where it is 0. @throws Error when it is taken. */
  static async open(port: number, certificate: Certificate, services: readonly Served[]): Promise<Listener> {
    const grpc = new Server(NO_LIMIT);
    for (const { service, implementation } of services) grpc.addService(service, implementation);
    const listener = new Listener(grpc, certificate);
    listener.#net.listen(port, HOST);
    await once(listener.#net, 'listening');
    return listener;
  }

  get port(): number {
    return (this.#net.address() as AddressInfo).port;
  }

  /** Cuts the connection of one client. */
  hangUp(peer: string): void {
    const port = Number(peer.slice(peer.lastIndexOf(':') + 1));
    for (const socket of this.#sockets) if (socket.remotePort === port) socket.destroy();
  }

  /** Cuts every connection and stops listening. */
  async close(): Promise<void> {
    const closed = once(this.#net, 'close');
    this.#net.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
    this.#endInjector();
    this.#grpc.forceShutdown();
  }
}
