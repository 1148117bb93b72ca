import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compilePattern } from '../../src/label/pattern.ts';
import { PatternError } from '../../src/label/pattern-syntax.ts';

describe('patterns match whole texts', () => {
  test.each<[string, readonly string[], readonly string[]]>([
    ['abc', ['abc'], ['', 'ab', 'abcd', 'xabc']],
    ['', [''], ['a']],
    ['a|b|', ['a', 'b', ''], ['ab', 'c']],
    ['a*', ['', 'a', 'aaa'], ['b', 'ab']],
    ['a+?b??', ['a', 'aab'], ['', 'b', 'abb']],
    ['(?:ab)+c?', ['ab', 'ababc'], ['', 'abcab', 'aab']],
    ['(a*)*', ['', 'aaaa'], ['b']],
    ['(a|b)*abb', ['abb', 'aababb'], ['ab', 'abba']],
    ['a{2}', ['aa'], ['a', 'aaa']],
    ['a{2,}', ['aa', 'aaaaa'], ['a']],
    ['a{0,2}', ['', 'a', 'aa'], ['aaa']],
    ['a{,2}', ['a{,2}'], ['a', 'aa']],
    ['x{y}', ['x{y}'], ['xy']],
    ['.', ['a', '\n', '😀'], ['', 'ab']],
    ['(?-s).', ['a'], ['\n']],
    ['^abc$', ['abc'], ['abcd']],
    ['a^b', [], ['ab', 'a^b']],
    ['(?m)a$\n^b', ['a\nb'], ['ab']],
    ['\\Aab\\z', ['ab'], ['abc']],
    ['\\bfoo\\b.*', ['foo', 'foo bar'], ['foobar']],
    ['foo\\B.*', ['foobar'], ['foo bar', 'foo']],
    ['[a-c]x', ['ax', 'cx'], ['dx', 'x']],
    ['[^a-c]', ['d', '\n', '😀'], ['a', '']],
    ['[]a]', [']', 'a'], ['b']],
    ['[^]a]', ['b'], [']', 'a']],
    ['[a-]', ['a', '-'], ['b']],
    ['[\\d_-]+', ['1_2-3'], ['a']],
    ['[[:alpha:][:digit:]]+', ['a1'], ['-']],
    ['[[:^digit:]]', ['a'], ['1']],
    ['[\\]\\\\]', [']', '\\'], ['a']],
    ['\\d+\\.\\w+\\s\\S', ['12.ab x'], ['12xab x']],
    ['\\D\\W', ['a-'], ['1-', 'aa']],
    ['\\x41\\x{1F600}\\t', ['A😀\t'], ['A']],
    ['\\pL\\p{Greek}\\P{L}', ['aα1'], ['aa1']],
    ['\\.\\*\\-\\/', ['.*-/'], ['axxx']],
    ['(?i)straSSe-Ü', ['STRASSE-ü', 'strasse-Ü'], ['strase-ü']],
    ['(?i:a)b', ['Ab', 'ab'], ['AB']],
    ['(?i)[a-c]\u212a', ['Bk', 'cK'], ['Dk']],
    ['a(?i)b|c', ['aB', 'C'], ['AB']],
    ['(?P<env>dev)-(?<n>\\d)', ['dev-1'], ['dev-']],
    ['api-.+\\.example\\.(com|org)', ['api-1.example.com'], ['api-.example.com', 'api-1xexample.com']],
  ])('%s', (source, accepted, refused) => {
    const accepts = compilePattern(source);
    for (const text of accepted) expect([text, accepts(text)]).toEqual([text, true]);
    for (const text of refused) expect([text, accepts(text)]).toEqual([text, false]);
  });
});

describe('what is no pattern is refused, with the place', () => {
  test.each([
    ['(a', 'without its )', 0],
    ['a)', 'without its (', 1],
    ['[a', 'without its ]', 0],
    ['*a', 'nothing to repeat', 0],
    ['a|+', 'nothing to repeat', 2],
    ['a**', 'repeated', 2],
    ['a{2}{3}', 'repeated', 4],
    ['a{1001}', 'out of range', 1],
    ['a{3,2}', 'out of range', 1],
    ['[z-a]', 'range', 1],
    ['[\\d-z-a]', 'range', 4],
    ['a\\', 'backslash', 1],
    ['\\1', 'not supported', 0],
    ['\\y', 'not supported', 0],
    ['(?=a)', 'not supported', 0],
    ['(?<!a)b', 'not supported', 0],
    ['(?x)a', 'no flag x', 0],
    ['\\p{Nothing}', 'no Unicode class', 0],
    ['[[:none:]]', 'no class', 1],
    ['\\x{110000}', 'malformed', 0],
    ['((((a{1000}){1000}){1000}){1000})', 'too large', 0],
    ['('.repeat(200), 'too deep', 100],
    ['a'.repeat(5000), 'longer than', 0],
  ])('%s', (source, rule, position) => {
    let error: unknown;
    try {
      compilePattern(source);
    } catch (caught) {
      error = caught;
    }
    expect(error).toBeInstanceOf(PatternError);
    expect(error).toMatchObject({ position, message: expect.stringContaining(rule) });
  });
});

test('patterns that stall a backtracking engine do not stall this one', () => {
  const started = performance.now();
  for (const source of ['(a+)+b', '(a|a)*b', '(a|aa)+b', '(.*)*x', '(a*)*(a*)*b', '(?:a?){50}a{50}b']) {
    expect(compilePattern(source)('a'.repeat(2000))).toBe(false);
  }
  expect(performance.now() - started).toBeLessThan(3000);
});

test('agrees with JavaScript on random patterns and texts', () => {
  const { pattern: patterns } = fc.letrec<{ pattern: string }>((tie) => ({
    pattern: fc.oneof(
      { maxDepth: 4 },
      fc.constantFrom('a', 'b', '.', '[ab]', '[^a]', '\\w', '^', '$', '\\b'),
      fc.tuple(tie('pattern'), tie('pattern')).map(([one, two]) => one + two),
      fc.tuple(tie('pattern'), tie('pattern')).map(([one, two]) => `(?:${one}|${two})`),
      fc
        .tuple(tie('pattern'), fc.constantFrom('*', '+', '?', '{2}', '{1,3}', '*?'))
        .map(([one, many]) => `(?:${one})${many}`),
    ),
  }));
  fc.assert(
    fc.property(patterns, fc.string({ unit: fc.constantFrom('a', 'b', '-', '\n'), maxLength: 8 }), (source, text) => {
      const expected = new RegExp(`^(?:${source})$`, 's').test(text);
      expect(compilePattern(source)(text)).toBe(expected);
    }),
    { numRuns: 3000 },
  );
});
