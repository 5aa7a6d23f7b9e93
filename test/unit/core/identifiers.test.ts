import { expect, test } from 'vitest';
import {
  hashOfPreimage,
  nodeId,
  outpoint,
  preimage,
  shortChannelId,
  txIdFromInternalBytes,
} from '../../../src/core/lightning/identifiers.ts';

test('a preimage settles the hash that is its SHA-256', () => {
  expect(hashOfPreimage(preimage('00'.repeat(32)))).toBe('66687aadf862bd776c8fc18b8e9f8e20089714856ee233b3902a591d0d5f2925');
});

test("a transaction id is turned round as the whitepaper's decodeTxid does", () => {
  expect(txIdFromInternalBytes('qAyOhsqXUmswSCTrF/20YOr93wbXmj4pTTOyK+PA4zg=')).toBe(
    '38e3c0e32bb2334d293e9ad706dffdea60b4fd17eb2448306b5297ca868e0ca8',
  );
});

test('a wrong preimage is not repeated in the error', () => {
  expect(() => preimage('secret-but-wrong')).toThrow(expect.not.objectContaining({ message: expect.stringContaining('secret') }));
});

test('identifiers of the wrong form are refused', () => {
  expect(() => nodeId(`04${'11'.repeat(32)}`)).toThrow(TypeError);
  expect(() => outpoint('ab:0')).toThrow(TypeError);
  expect(() => shortChannelId('1:2:3')).toThrow(TypeError);
});

test('upper-case hex is the same identifier', () => {
  expect(nodeId(`02${'AB'.repeat(32)}`)).toBe(`02${'ab'.repeat(32)}`);
});
