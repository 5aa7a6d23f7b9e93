/** An output that a transaction spends. */
export interface TextInput {
  readonly txId: string;
  readonly index: number;
}

/** An output of a transaction; `script` in hex. */
export interface TextOutput {
  readonly amountMsat: bigint;
  readonly script: string;
}

const SEQUENCE = 0xfffffffd;

/** A transaction serialised without witnesses. It parses; its hash is not the id that the simulated chain drew for it. */
export function rawTransaction(inputs: readonly TextInput[], outputs: readonly TextOutput[]): string {
  return Buffer.concat([
    uint32(2),
    varint(inputs.length),
    ...inputs.flatMap(({ txId, index }) => [Buffer.from(txId, 'hex').reverse(), uint32(index), varint(0), uint32(SEQUENCE)]),
    varint(outputs.length),
    ...outputs.flatMap(({ amountMsat, script }) => [uint64(amountMsat / 1000n), varint(script.length / 2), Buffer.from(script, 'hex')]),
    uint32(0),
  ]).toString('hex');
}

/** A PSBT (BIP 174, version 0) of a transaction: its global part alone. */
export function psbtOf(raw: string, inputs: number, outputs: number): string {
  const transaction = Buffer.from(raw, 'hex');
  const separators = Buffer.alloc(1 + inputs + outputs);
  return Buffer.concat([
    Buffer.from('70736274ff', 'hex'),
    Uint8Array.of(1, 0),
    varint(transaction.length),
    transaction,
    separators,
  ]).toString('base64');
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function uint64(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(value);
  return bytes;
}

function varint(value: number): Buffer {
  if (value < 0xfd) return Buffer.of(value);
  const bytes = Buffer.alloc(3);
  bytes[0] = 0xfd;
  bytes.writeUInt16LE(value, 1);
  return bytes;
}
