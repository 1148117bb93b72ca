import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { toDefiniteLengths } from '../../src/certificate/ber.ts';
import { DerError, DerReader, Tag, elementLength } from '../../src/certificate/der.ts';
import { TAG, encode, integer, sequence } from '../helpers/der.ts';

interface Tree {
  readonly tag: number;
  readonly content: Uint8Array | readonly Tree[];
}

const { tree: trees } = fc.letrec<{ tree: Tree }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 5 },
    fc.record({ tag: fc.constantFrom(0x02, 0x04, 0x0c, 0x82), content: fc.uint8Array({ maxLength: 300 }) }),
    fc.record({ tag: fc.constantFrom(0x30, 0x31, 0xa0), content: fc.array(tie('tree'), { maxLength: 4 }) }),
  ),
}));

function write(tree: Tree): Buffer {
  return tree.content instanceof Uint8Array
    ? encode(tree.tag, tree.content)
    : encode(tree.tag, ...tree.content.map(write));
}

function writeIndefinite(tree: Tree): Buffer {
  if (tree.content instanceof Uint8Array) return encode(tree.tag, tree.content);
  return Buffer.concat([Buffer.from([tree.tag, 0x80]), ...tree.content.map(writeIndefinite), Buffer.from([0, 0])]);
}

function read(reader: DerReader): Tree {
  const tag = reader.next();
  if ((tag & 0x20) === 0) return { tag, content: Uint8Array.from(reader.content()) };
  const content: Tree[] = [];
  const inner = reader.enter();
  while (!inner.done) content.push(read(inner));
  return { tag, content };
}

test('what was written is read', () => {
  fc.assert(
    fc.property(trees, (tree) => {
      const bytes = write(tree);
      expect(elementLength(bytes)).toBe(bytes.length);
      expect(read(DerReader.over(bytes))).toEqual(tree);
    }),
  );
});

test('indefinite lengths become what definite ones would have been', () => {
  fc.assert(
    fc.property(trees, (tree) => {
      const bytes = writeIndefinite(tree);
      expect(Buffer.from(toDefiniteLengths(bytes)).equals(write(tree))).toBe(true);
    }),
  );
});

test('bytes of any kind give elements or a DerError, never past the end', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
      for (const walk of [() => read(DerReader.over(bytes)), () => toDefiniteLengths(bytes)]) {
        try {
          walk();
        } catch (error) {
          expect(error).toBeInstanceOf(DerError);
        }
      }
    }),
    { numRuns: 5000 },
  );
});

describe('refuses', () => {
  test.each([
    ['a header that is cut', '30', 'ends inside'],
    ['a length that is cut', '3082', 'cut or too large'],
    ['a length of seven octets', '30870000000000000100', 'cut or too large'],
    ['an element longer than the data', '300500', 'longer than what holds it'],
    ['an indefinite length', '30800000', 'indefinite'],
    ['a tag of several octets', '3f810100', 'more than one octet'],
  ])('%s', (_, hex, rule) => {
    expect(() => DerReader.over(Buffer.from(hex, 'hex')).next()).toThrow(rule);
    expect(elementLength(Buffer.from(hex, 'hex'))).toBeUndefined();
  });

  test.each([
    ['a primitive element of indefinite length', '04800000', 'primitive'],
    ['an indefinite length without an end', '3080020100', 'missing'],
    ['an element longer than the data', '30800285ffffffffff00', 'longer than what holds it'],
  ])('%s in BER', (_, hex, rule) => {
    expect(() => toDefiniteLengths(Buffer.from(hex, 'hex'))).toThrow(rule);
  });

  test('an element that reaches out of the one that holds it', () => {
    const reader = DerReader.over(Buffer.concat([encode(Tag.sequence, Buffer.from([0x04, 0x05])), Buffer.alloc(10)]));
    reader.next();
    expect(() => reader.enter().next()).toThrow('longer than what holds it');
  });

  test('a structure that is too deep, in DER and in BER', () => {
    let bytes = sequence();
    for (let level = 0; level < 100; level++) bytes = sequence(bytes);
    expect(() => read(DerReader.over(bytes))).toThrow('too deep');
    expect(() => toDefiniteLengths(bytes)).toThrow('too deep');
  });

  test('another type than expected, and nothing at all', () => {
    const reader = DerReader.over(integer(1));
    expect(() => reader.expect(Tag.sequence, 'the certificate')).toThrow('the certificate has the wrong type (byte 0)');
    expect(() => reader.expect(Tag.integer, 'it').expect(Tag.integer, 'the version')).toThrow('the version is missing');
  });
});

test.each([
  [0, 0],
  [1, 1],
  [127, 7],
  [128, 8],
  [255, 8],
  [65_536, 17],
])('%i has %i bits', (value, bits) => {
  const reader = DerReader.over(integer(value)).expect(TAG.integer, 'it');
  expect(reader.integerBits()).toBe(bits);
  expect(reader.smallInteger()).toBe(value);
});

test('names the byte at which it failed, counted from the start of everything', () => {
  const bytes = sequence(integer(1), Buffer.from([0x04, 0x7f]));
  const inner = DerReader.over(bytes).expect(Tag.sequence, 'it').enter();
  inner.next();
  let offset = -1;
  try {
    inner.next();
  } catch (error) {
    if (error instanceof DerError) offset = error.offset;
  }
  expect(offset).toBe(5);
});
