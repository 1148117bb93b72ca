import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MatcherError, formatMatcher, matches, parseMatcher } from '../../src/label/matcher.ts';

describe('a matcher is read', () => {
  test.each([
    ['severity="critical"', 'severity', '=', 'critical'],
    ['owner!="web"', 'owner', '!=', 'web'],
    ['instance=~"api-.+"', 'instance', '=~', 'api-.+'],
    ['env!~"dev|qa"', 'env', '!~', 'dev|qa'],
    ['  severity = "critical"  ', 'severity', '=', 'critical'],
    ['severity=critical', 'severity', '=', 'critical'],
    ['path=/etc/ssl and more ', 'path', '=', '/etc/ssl and more'],
    ['empty=""', 'empty', '=', ''],
    ['empty=', 'empty', '=', ''],
    ['text="say \\"hi\\" \\\\ \\n"', 'text', '=', 'say "hi" \\ \n'],
    ['name=~"a\\.b\\d+"', 'name', '=~', 'a\\.b\\d+'],
    ['text="= != =~ !~"', 'text', '=', '= != =~ !~'],
    ['text="ünï 😀"', 'text', '=', 'ünï 😀'],
    ['_x9="1"', '_x9', '=', '1'],
  ])('%s', (text, name, operator, value) => {
    expect(parseMatcher(text)).toMatchObject({ name, operator, value });
  });
});

describe('a text that is no matcher is refused, with the place', () => {
  test.each([
    ['', 'a label name is missing', 0],
    ['="x"', 'a label name is missing', 0],
    ['9a="x"', 'a label name is missing', 0],
    ['severity', 'one of = != =~ !~ is missing', 8],
    ['severity "x"', 'one of = != =~ !~ is missing', 9],
    ['a-b="x"', 'one of = != =~ !~ is missing', 1],
    ['severity!"x"', 'one of = != =~ !~ is missing', 8],
    ['severity="critical', 'closing quote', 9],
    ['severity="a" b', 'something behind the value', 13],
    ['severity="a","b"', 'something behind the value', 12],
    ['severity=a"b', 'a quote inside a value', 10],
    ['env=~"("', 'without its )', 5],
    ['env=~"a**"', 'repetition is repeated', 5],
    ['env=~"(?=a)"', 'not supported', 5],
    ['env=~"(a)\\\\1"', 'not supported', 5],
    [`env="${'x'.repeat(5000)}"`, 'more than 4096', 4096],
  ])('%s', (text, rule, position) => {
    let error: unknown;
    try {
      parseMatcher(text);
    } catch (caught) {
      error = caught;
    }
    expect(error).toBeInstanceOf(MatcherError);
    expect(error).toMatchObject({ position, message: expect.stringContaining(rule) });
    expect((error as Error).message).toContain(`at character ${position + 1}`);
    expect((error as Error).message.length).toBeLessThan(300);
  });
});

describe('matching', () => {
  test.each([
    ['severity="critical"', { severity: 'critical' }, true],
    ['severity="critical"', { severity: 'warning' }, false],
    ['severity="critical"', {}, false],
    ['severity=""', {}, true],
    ['severity!="critical"', {}, true],
    ['env=~"dev|qa"', { env: 'qa' }, true],
    ['env=~"dev|qa"', { env: 'qa2' }, false],
    ['env=~"dev|qa"', { env: 'my dev' }, false],
    ['env=~""', {}, true],
    ['env!~"dev|qa"', { env: 'prod' }, true],
    ['env!~".+"', {}, true],
    ['constructor=""', {}, true],
    ['env=~"a.b"', { env: 'a\nb' }, true],
  ] as const)('%s on %j', (text, labels, expected) => {
    expect(matches([parseMatcher(text)], labels as Record<string, string>)).toBe(expected);
  });

  test('all matchers must accept, and none accept everything', () => {
    const both = [parseMatcher('a="1"'), parseMatcher('b!="2"')];
    expect(matches(both, { a: '1', b: '3' })).toBe(true);
    expect(matches(both, { a: '1', b: '2' })).toBe(false);
    expect(matches(both, { a: '2', b: '3' })).toBe(false);
    expect(matches([], {})).toBe(true);
  });
});

test('what is formatted is read back', () => {
  const matchers = fc.record({
    name: fc.constantFrom('severity', '_', 'a1_B2'),
    operator: fc.constantFrom('=' as const, '!=' as const),
    value: fc.string({ unit: 'binary', maxLength: 30 }),
  });
  fc.assert(
    fc.property(matchers, (matcher) => {
      expect(parseMatcher(formatMatcher(matcher))).toMatchObject(matcher);
    }),
  );
});
