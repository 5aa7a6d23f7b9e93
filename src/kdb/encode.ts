import { ByteWriter } from './byte-writer.ts';
import { KdbCodecError } from './errors.ts';
import {
  ATTRIBUTES,
  type AtomValues,
  type Attribute,
  type BasicType,
  type K,
  type KTable,
  type KVector,
  OTHER_TYPES,
  TYPE_NUMBERS,
} from './types.ts';

/**
 * Writes one value, little-endian.
 * @throws KdbCodecError `VALUE` for a symbol or an error with a NUL in it, a guid that is none; `LENGTH` for columns of different lengths.
 */
export function encode(value: K): Uint8Array {
  const writer = new ByteWriter();
  write(writer, value);
  return writer.finish();
}

/** Writes one value where others stand already. @throws KdbCodecError as {@link encode}. */
export function write(writer: ByteWriter, value: K): void {
  switch (value.kind) {
    case 'atom':
      writer.uint8(256 - TYPE_NUMBERS[value.type]);
      writeScalar(writer, value.type, value.value);
      return;
    case 'vector':
      writeVector(writer, value);
      return;
    case 'list':
      writeListHead(writer, value.items.length);
      for (const item of value.items) write(writer, item);
      return;
    case 'dictionary':
      writer.uint8(value.sorted ? OTHER_TYPES.sortedDictionary : OTHER_TYPES.dictionary);
      write(writer, value.keys);
      write(writer, value.values);
      return;
    case 'table':
      writeTable(writer, value);
      return;
    case 'error':
      writer.uint8(128);
      writeSymbol(writer, value.message);
      return;
    case 'unary':
      writer.uint8(OTHER_TYPES.unary);
      writer.uint8(value.code);
      return;
    case 'lambda':
      writer.uint8(OTHER_TYPES.lambda);
      writeSymbol(writer, value.namespace);
      writeVectorHead(writer, 'char', 'none', value.source.length);
      writer.bytes(value.source);
      return;
    case 'operator':
      writer.uint8(value.type);
      writer.uint8(value.code);
      return;
    case 'compound':
      writer.uint8(value.type);
      writer.int32(value.items.length);
      for (const item of value.items) write(writer, item);
      return;
    case 'derived':
      writer.uint8(value.type);
      write(writer, value.of);
  }
}

/** The head of a vector: type, attribute, count. Its values come next. */
export function writeVectorHead(writer: ByteWriter, type: BasicType, attribute: Attribute, count: number): void {
  writer.uint8(TYPE_NUMBERS[type]);
  writer.uint8(ATTRIBUTES.indexOf(attribute));
  writer.int32(count);
}

/** The head of a general list. Its items come next. */
export function writeListHead(writer: ByteWriter, count: number): void {
  writer.uint8(OTHER_TYPES.list);
  writer.uint8(0);
  writer.int32(count);
}

/** The head of a table: the names of its columns. The columns come next. */
export function writeTableHead(writer: ByteWriter, names: readonly string[], attribute: Attribute = 'none'): void {
  writer.uint8(OTHER_TYPES.table);
  writer.uint8(ATTRIBUTES.indexOf(attribute));
  writer.uint8(OTHER_TYPES.dictionary);
  writeVectorHead(writer, 'symbol', 'none', names.length);
  for (const name of names) writeSymbol(writer, name);
  writeListHead(writer, names.length);
}

/** A symbol's bytes and its NUL. @throws KdbCodecError `VALUE`. */
export function writeSymbol(writer: ByteWriter, text: string): void {
  if (text.includes('\0')) throw new KdbCodecError('VALUE', 'a symbol can hold no NUL');
  writer.text(text);
  writer.uint8(0);
}

function writeScalar(writer: ByteWriter, type: BasicType, value: AtomValues[BasicType]): void {
  switch (type) {
    case 'boolean':
      writer.uint8(value === true ? 1 : 0);
      return;
    case 'guid':
      writeGuid(writer, value as string);
      return;
    case 'byte':
    case 'char':
      writer.uint8(value as number);
      return;
    case 'short':
      writer.int16(value as number);
      return;
    case 'long':
    case 'timestamp':
    case 'timespan':
      writer.int64(value as bigint);
      return;
    case 'real':
      writer.float32(value as number);
      return;
    case 'float':
    case 'datetime':
      writer.float64(value as number);
      return;
    case 'symbol':
      writeSymbol(writer, value as string);
      return;
    default:
      writer.int32(value as number);
  }
}

function writeVector(writer: ByteWriter, { type, attribute, values }: KVector): void {
  writeVectorHead(writer, type, attribute, values.length);
  if (values instanceof Uint8Array) writer.bytes(values);
  else for (const value of values) writeScalar(writer, type, value);
}

function writeTable(writer: ByteWriter, { attribute, columns }: KTable): void {
  const lengths = columns.map(({ values }) => (values.kind === 'vector' ? values.values.length : values.items.length));
  if (lengths.some((length) => length !== lengths[0])) throw new KdbCodecError('LENGTH', 'columns of different lengths');
  writeTableHead(
    writer,
    columns.map(({ name }) => name),
    attribute,
  );
  for (const { values } of columns) write(writer, values);
}

function writeGuid(writer: ByteWriter, text: string): void {
  const digits = text.replaceAll('-', '');
  if (!/^[0-9a-f]{32}$/i.test(digits)) throw new KdbCodecError('VALUE', 'not a guid');
  for (let i = 0; i < 32; i += 2) writer.uint8(Number.parseInt(digits.slice(i, i + 2), 16));
}
