import fc from 'fast-check';

const FIRST_SURROGATE = 0xd8_00;
const SURROGATES = 0x08_00;

/**
 * Any code point that is a character, not half of a surrogate pair; a `unit` of `fc.string`. It is what `unit: 'binary'` is, without
 * that one's table of all there are, which takes seconds to make in each process.
 */
export const codePoint: fc.Arbitrary<string> = fc
  .nat(0x10_ff_ff - SURROGATES)
  .map((point) => String.fromCodePoint(point < FIRST_SURROGATE ? point : point + SURROGATES));
