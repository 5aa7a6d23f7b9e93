import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { ServiceDefinition } from '@grpc/grpc-js';
import { loadPackageDefinition } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';

const OPTIONS = { defaults: true, enums: String, keepCase: true, longs: String, oneofs: true } as const;

/** lnd's protocol files, which ln-service brings with it. */
function protocolFolder(): string {
  const lnService = createRequire(import.meta.url).resolve('ln-service');
  return join(dirname(createRequire(lnService).resolve('lightning/package.json')), 'grpc/protos');
}

interface Constructor {
  readonly service: ServiceDefinition;
}

let loaded: Readonly<Record<string, ServiceDefinition>> | undefined;

/** The services that are emulated, by their full names. Reading lnd's files takes a while: it is done once. */
export function lndServices(): Readonly<Record<string, ServiceDefinition>> {
  loaded ??= load();
  return loaded;
}

function load(): Readonly<Record<string, ServiceDefinition>> {
  const folder = protocolFolder();
  const service = (file: string, group: string, name: string): ServiceDefinition => {
    const groups = loadPackageDefinition(loadSync(join(folder, file), OPTIONS)) as unknown as Record<string, Record<string, Constructor>>;
    const found = groups[group]?.[name]?.service;
    if (found === undefined) throw new Error(`lnd's protocol file ${file} has no ${group}.${name}`);
    return found;
  };
  return {
    'lnrpc.Lightning': service('lightning.proto', 'lnrpc', 'Lightning'),
    'lnrpc.State': service('stateservice.proto', 'lnrpc', 'State'),
    'invoicesrpc.Invoices': service('invoices.proto', 'invoicesrpc', 'Invoices'),
    'routerrpc.Router': service('router.proto', 'routerrpc', 'Router'),
    'verrpc.Versioner': service('verrpc.proto', 'verrpc', 'Versioner'),
  };
}
