import type { BasicType } from './types.ts';

/** `0Nh`. The infinities of a whole type are its largest number and the negative of it. */
export const NULL_SHORT: number = -(2 ** 15);
/** `0Ni`, `0Nm`, `0Nd`, `0Nu`, `0Nv`, `0Nt`. */
export const NULL_INT: number = -(2 ** 31);
/** `0N`, `0Np`, `0Nn`. */
export const NULL_LONG: bigint = -(2n ** 63n);
/** `0W`, `0Wp`, `0Wn`. */
export const INFINITY_LONG: bigint = 2n ** 63n - 1n;
/** `0Wi` and its like. */
export const INFINITY_INT: number = 2 ** 31 - 1;
/** `0Wh`. */
export const INFINITY_SHORT: number = 2 ** 15 - 1;
/** `0Ng`. */
export const NULL_GUID = '00000000-0000-0000-0000-000000000000';
/** `" "`. */
export const NULL_CHAR = 0x20;

/** Whether a value of a type is its null. Booleans and bytes have none. */
export function isNull(type: BasicType, value: number | bigint | string | boolean): boolean {
  switch (type) {
    case 'boolean':
    case 'byte':
      return false;
    case 'short':
      return value === NULL_SHORT;
    case 'long':
    case 'timestamp':
    case 'timespan':
      return value === NULL_LONG;
    case 'real':
    case 'float':
    case 'datetime':
      return Number.isNaN(value);
    case 'symbol':
      return value === '';
    case 'char':
      return value === NULL_CHAR;
    case 'guid':
      return value === NULL_GUID;
    default:
      return value === NULL_INT;
  }
}

/** Whether a value of a type is one of its infinities. Those of bytes, characters and text don't exist. */
export function isInfinite(type: BasicType, value: number | bigint | string | boolean): boolean {
  switch (type) {
    case 'short':
      return value === INFINITY_SHORT || value === -INFINITY_SHORT;
    case 'long':
    case 'timestamp':
    case 'timespan':
      return value === INFINITY_LONG || value === -INFINITY_LONG;
    case 'real':
    case 'float':
    case 'datetime':
      return value === Number.POSITIVE_INFINITY || value === Number.NEGATIVE_INFINITY;
    case 'int':
    case 'month':
    case 'date':
    case 'minute':
    case 'second':
    case 'time':
      return value === INFINITY_INT || value === -INFINITY_INT;
    default:
      return false;
  }
}
