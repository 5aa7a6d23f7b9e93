import { importMacaroon, newMacaroon } from 'macaroon';
import type { Random } from '../../../src/core/ports/random.ts';
import { GrpcFailure } from './grpc-failure.ts';
import { type Operation, PERMISSIONS } from './permissions.ts';

const ENTITIES = ['address', 'info', 'invoices', 'message', 'offchain', 'onchain', 'peers', 'signer'];
const BAKERY_VERSION = 3;
const NONCE_BYTES = 16;
const ROOT_KEY_BYTES = 32;

/** What lnd writes at its first start, by the names of the files. */
const BAKED: Readonly<Record<string, readonly Operation[]>> = {
  'admin.macaroon': ENTITIES.flatMap((entity) => [`${entity}:read`, `${entity}:write`] as const),
  'readonly.macaroon': ENTITIES.map((entity) => `${entity}:read` as const),
  'invoice.macaroon': ['address:read', 'address:write', 'invoices:read', 'invoices:write', 'onchain:read'],
};

/** An lnd's macaroons (https://docs.lightning.engineering/lightning-network-tools/lnd/macaroons): real ones, signed with a root key. */
export class Macaroons {
  readonly #random: Random;
  #rootKey: Uint8Array;

  constructor(random: Random) {
    this.#random = random;
    this.#rootKey = random.bytes(ROOT_KEY_BYTES);
  }

  /** Makes every macaroon that was baked before invalid. */
  rotate(): void {
    this.#rootKey = this.#random.bytes(ROOT_KEY_BYTES);
  }

  /** The files that lnd keeps, by name. */
  files(): readonly { readonly name: string; readonly bytes: Uint8Array }[] {
    return Object.entries(BAKED).map(([name, operations]) => ({ name, bytes: this.bake(operations) }));
  }

  /** A macaroon for some operations; `expiresAt` (milliseconds since 1970) adds the caveat that lncli's `--timeout` adds. */
  bake(operations: readonly Operation[], expiresAt?: number): Uint8Array {
    const nonce = this.#random.bytes(NONCE_BYTES);
    const macaroon = newMacaroon({ identifier: identifierOf(nonce, operations), rootKey: this.#rootKey, location: 'lnd', version: 2 });
    if (expiresAt !== undefined) macaroon.addFirstPartyCaveat(`time-before ${new Date(expiresAt).toISOString()}`);
    return macaroon.exportBinary();
  }

  /** Whether what came with a call allows it. @throws GrpcFailure in lnd's words. */
  check(hex: readonly (string | Buffer)[], method: string, now: number): void {
    const needed = PERMISSIONS[method];
    if (needed === undefined) return;
    const [text] = hex;
    if (text === undefined || hex.length > 1) throw new GrpcFailure(`expected 1 macaroon, got ${hex.length}`);
    const macaroon = read(String(text));
    try {
      macaroon.verify(this.#rootKey, () => null);
    } catch {
      throw new GrpcFailure('verification failed: signature mismatch after caveat verification');
    }
    for (const { identifier } of macaroon.caveats) {
      const [name, value = ''] = Buffer.from(identifier).toString().split(' ');
      if (name === 'time-before' && now >= Date.parse(value)) {
        throw new GrpcFailure(`caveat "time-before ${value}" not satisfied: macaroon has expired`);
      }
    }
    const granted = operationsOf(macaroon.identifier);
    if (!needed.every((operation) => granted.includes(operation))) throw new GrpcFailure('permission denied');
  }
}

function read(hex: string): ReturnType<typeof importMacaroon> {
  try {
    return importMacaroon(Buffer.from(hex, 'hex'));
  } catch {
    throw new GrpcFailure('unmarshal v2: section extends past end of buffer');
  }
}

/** The bakery's identifier, version 3: nonce, storage id 0, and the operations, which here are one text for all. */
function identifierOf(nonce: Uint8Array, operations: readonly Operation[]): Uint8Array {
  return Buffer.concat([Buffer.from([BAKERY_VERSION]), nonce, Buffer.from(operations.join(','))]);
}

function operationsOf(identifier: Uint8Array): readonly string[] {
  return Buffer.from(identifier)
    .subarray(1 + NONCE_BYTES)
    .toString()
    .split(',');
}
