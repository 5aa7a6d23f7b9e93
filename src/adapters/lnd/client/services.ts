import { Client, credentials as grpcCredentials, Metadata } from '@grpc/grpc-js';
import { authenticatedLndGrpc } from 'ln-service';
import type { Credentials } from './credentials.ts';

/** lnd's services, by the names that ln-service gives them. */
export type LndService = 'default' | 'invoices' | 'router';

/** A gRPC client per service, with a method per call of it. */
export type LndServices = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

type ServiceClient = Readonly<Record<string, unknown>>;
type ServiceClass = new (socket: string, credentials: unknown, options: Readonly<Record<string, unknown>>) => ServiceClient;

const USED: readonly LndService[] = ['default', 'invoices', 'router'];
/** As ln-service has it: lnd's answers to a list are longer than gRPC's four megabytes. */
const OPTIONS = { 'grpc.max_receive_message_length': -1, 'grpc.max_send_message_length': -1 };

let classes: ReadonlyMap<LndService, ServiceClass> | undefined;

/**
 * Clients of ln-service's for one lnd. ln-service reads all protocol files of lnd's for every connection, a quarter of a second
 * in which nothing else runs; the classes that it made of them the first time are kept and used for every later connection
 * (not where it has a gRPC package of its own, of another version than ours: its classes would not take our credentials).
 */
export function openServices({ macaroon, cert }: Credentials, socket: string): LndServices {
  if (classes === undefined) {
    const { lnd } = authenticatedLndGrpc({ macaroon, socket, ...(cert !== undefined && { cert }) });
    if (lnd['default'] instanceof Client)
      classes = new Map(USED.map((service) => [service, lnd[service]?.constructor as unknown as ServiceClass]));
    return lnd;
  }
  const metadata = new Metadata();
  metadata.add('macaroon', macaroon);
  const credentials = grpcCredentials.combineChannelCredentials(
    grpcCredentials.createSsl(cert === undefined ? undefined : Buffer.from(cert, 'base64')),
    grpcCredentials.createFromMetadataGenerator((_, callback) => callback(null, metadata)),
  );
  return Object.fromEntries([...classes].map(([service, Service]) => [service, new Service(socket, credentials, OPTIONS)]));
}
