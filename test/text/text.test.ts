import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { csvLine } from '../../src/text/csv.ts';
import { escapeHtml } from '../../src/text/html.ts';
import { mailHeaderText } from '../../src/text/mail-header.ts';
import { safeText } from '../../src/text/safe-text.ts';
import { escapeSlack, slackCode } from '../../src/text/slack.ts';
import { terminalText } from '../../src/text/terminal.ts';

/** Any text, with what hurts in it more often than chance would have it. */
const hostile = fc
  .array(
    fc.oneof(
      fc.string({ unit: 'binary', maxLength: 10 }),
      fc.constantFrom(
        '\u001b[31m',
        '\r\n',
        '\0',
        '\u202e',
        '\u200b',
        '<!channel>',
        '=?utf-8?q?x?=',
        '\ud800',
        'e\u0301',
        '`*_~',
      ),
    ),
    { maxLength: 12 },
  )
  .map((parts) => parts.join(''));

describe('safe text', () => {
  test.each([
    ['a script stays text', '<script>alert(1)</script>', '<script>alert(1)</script>'],
    ['a line break that fakes a mail header', 'x\r\nBcc: a@b.c', 'x Bcc: a@b.c'],
    ['a line break that fakes another attribute', 'a\nO=Trusted Corp', 'a O=Trusted Corp'],
    ['a bidi override', '\u202egnp.exe', 'gnp.exe'],
    ['bidi isolates', 'a\u2066b\u2069c', 'abc'],
    ['a NUL', 'good.example\0.evil.example', 'good.example.evil.example'],
    ['zero-width characters', 'pay\u200bpal\u200d\ufeff\u2060', 'paypal'],
    ['a soft hyphen', 'ex\u00adample', 'example'],
    ['hidden tags', 'a\u{e0041}\u{e0042}', 'a'],
    ['variation selectors', 'a\ufe0f\u{e0100}', 'a'],
    ['letters that show nothing', 'a\u3164\u2800\u115fb', 'ab'],
    ['an escape sequence', '\u001b[31mred\u001b[0m', '[31mred[0m'],
    ['C1 controls', 'a\u009b31m\u0085b', 'a31m b'],
    ['line and paragraph separators', 'a\u2028b\u2029c', 'a b c'],
    ['lone surrogates', 'a\ud800b\udc00c', 'abc'],
    ['a pair is no lone surrogate', 'a😀b', 'a😀b'],
    ['decomposed letters', 'cafe\u0301', 'café'],
    ['many marks on one letter', `a${'\u0316'.repeat(50)}b`, `a${'\u0316'.repeat(4)}b`],
    ['Latin-1', 'é.example', 'é.example'],
    ['a comma and a colon', 'a.example, DNS:admin.example', 'a.example, DNS:admin.example'],
    ['nothing', '', ''],
  ])('%s', (_, raw, expected) => {
    expect(safeText(raw)).toBe(expected);
  });

  test('is at most as long as asked, and says when it was cut', () => {
    expect(safeText('A'.repeat(65_536))).toBe(`${'A'.repeat(255)}…`);
    expect(safeText('A'.repeat(256))).toBe('A'.repeat(256));
    expect(safeText('A'.repeat(257))).toHaveLength(256);
    expect(safeText('abcdef', { max: 4 })).toBe('abc…');
    expect(safeText('ab😀d', { max: 4 })).toBe('ab…');
    expect(safeText(`${'\0'.repeat(70_000)}x`)).toBe('…');
  });

  test('takes linear time', () => {
    const started = performance.now();
    for (const unit of ['\u0316\u0300', '\u202e', 'e\u0301', '\ud800', ' \n']) safeText(unit.repeat(1_000_000));
    expect(performance.now() - started).toBeLessThan(2000);
  });

  test('whatever goes in, what comes out is short, normal, visible and stays as it is', () => {
    fc.assert(
      fc.property(hostile, fc.integer({ min: 1, max: 40 }), (raw, max) => {
        const text = safeText(raw, { max });
        expect(text.length).toBeLessThanOrEqual(max);
        expect(text.isWellFormed()).toBe(true);
        expect(text).toBe(text.normalize('NFC'));
        expect(text).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u);
        expect(safeText(text, { max })).toBe(text);
      }),
      { numRuns: 1000 },
    );
  });
});

describe('HTML', () => {
  test.each([
    ['<script>alert(1)</script>', '&lt;script&gt;alert(1)&lt;/script&gt;'],
    ['" onmouseover="x', '&quot; onmouseover=&quot;x'],
    [`'a' & \`b\``, '&#39;a&#39; &amp; &#96;b&#96;'],
    ['&lt;', '&amp;lt;'],
  ])('%s', (text, expected) => {
    expect(escapeHtml(text)).toBe(expected);
  });
});

describe('Slack', () => {
  test.each([
    ['<!channel> <https://evil|click>', '&lt;!channel&gt; &lt;https://evil|click&gt;'],
    ['<@U123> & co', '&lt;@U123&gt; &amp; co'],
    ['*.example.com', '*.example.com'],
    ['*bold* and *more*', '∗bold∗ and ∗more∗'],
    ['_under_', 'ˍunderˍ'],
    ['~gone~', '∼gone∼'],
    ['`code`', 'ˋcodeˋ'],
    ['> quote', '› quote'],
    ['a\n > quote', 'a\n › quote'],
  ])('%s', (text, expected) => {
    expect(escapeSlack(text)).toBe(expected);
  });

  test.each([
    ['*.example.com *.example.org', '`*.example.com *.example.org`'],
    ['a_b_c', '`a_b_c`'],
    ['x` <!here> `y', '`xˋ &lt;!here&gt; ˋy`'],
    ['a\nb', '`a b`'],
    ['', ''],
    [' ', ''],
  ])('%j as code can be copied', (text, expected) => {
    expect(slackCode(text)).toBe(expected);
  });

  test('no text makes a mention, a link or formatting', () => {
    fc.assert(
      fc.property(hostile, (text) => {
        expect(escapeSlack(text)).not.toMatch(/[<>`]|([*_~]).*\1/su);
        expect(slackCode(text).slice(1, -1)).not.toMatch(/[<>`\r\n]/);
      }),
    );
  });
});

describe('mail headers', () => {
  test.each([
    ['x\r\nBcc: a@b.c', 'x Bcc: a@b.c'],
    ['x\n\tfolded', 'x folded'],
    ['=?utf-8?Q?x=0D=0ABcc:_a@b.c?=', '= ?utf-8?Q?x=0D=0ABcc:_a@b.c? ='],
    ['a\u0085b\u2028c\0d', 'a b c d'],
    ['  api.example.com: 7 days left  ', 'api.example.com: 7 days left'],
  ])('%j', (text, expected) => {
    expect(mailHeaderText(text)).toBe(expected);
  });

  test('no text makes a second line or an encoded word', () => {
    fc.assert(
      fc.property(hostile, (text) => {
        expect(mailHeaderText(text)).not.toMatch(/[\p{Cc}\u2028\u2029]|=\?|\?=/u);
      }),
    );
  });
});

describe('a terminal', () => {
  test.each([
    ['colours', '\u001b[1;31mred\u001b[0m', 'red'],
    ['a title', '\u001b]0;evil\u0007name', 'name'],
    ['a title that ends with ST', '\u001b]0;evil\u001b\\name', 'name'],
    ['a link', '\u001b]8;;http://evil\u001b\\text\u001b]8;;\u001b\\', 'text'],
    ['a device control string', '\u001bP1$r0m\u001b\\name', 'name'],
    ['8-bit controls', '\u009b31mred\u009d0;evil\u009cname', 'redname'],
    ['a reset', '\u001bcname', 'name'],
    ['a character set', '\u001b(0name', 'name'],
    ['a sequence inside a sequence', '\u001b\u001b[31m[31mname', '[31mname'],
    ['a sequence without an end', 'name\u001b[31', 'name31'],
    ['a lone escape', 'name\u001b', 'name'],
    ['a carriage return that overwrites', 'evil\rgood', 'evil good'],
    ['a backspace', 'evil\b\b\b\bgood', 'evilgood'],
    ['a bidi override', '\u202egnp.exe', 'gnp.exe'],
    ['letters of all kinds', 'Ünïcödé 😀', 'Ünïcödé 😀'],
  ])('%s', (_, text, expected) => {
    expect(terminalText(text)).toBe(expected);
  });

  test('no text steers it, and none takes long', () => {
    fc.assert(
      fc.property(hostile, (text) => {
        expect(terminalText(text)).not.toMatch(/[\p{Cc}\p{Cf}]/u);
      }),
    );
    const started = performance.now();
    for (const unit of ['\u001b[', '\u001b]', '\u001b[0', '\u001b ', '\u009d']) terminalText(unit.repeat(500_000));
    expect(performance.now() - started).toBeLessThan(2000);
  });
});

describe('CSV', () => {
  /** A reader of RFC 4180 of its own. */
  function cellsOf(text: string): readonly (readonly string[])[] {
    const lines: string[][] = [];
    let cells: string[] = [];
    for (let rest = text; rest !== '';) {
      const [whole, quoted, plain, end] = /^(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/u.exec(rest) ?? [];
      if (whole === undefined) throw new Error(`not CSV: ${JSON.stringify(rest)}`);
      cells.push(quoted?.replaceAll('""', '"') ?? plain ?? '');
      if (end !== ',') {
        lines.push(cells);
        cells = [];
      }
      rest = rest.slice(whole.length);
    }
    return lines;
  }

  test('no text ends its cell or its line, and none is a formula', () => {
    const cell = fc.oneof(
      hostile,
      fc.tuple(fc.constantFrom('=', '+', '-', '@', '\t', '\r', '"', ','), hostile).map((two) => two.join('')),
    );
    fc.assert(
      fc.property(fc.array(fc.array(cell, { minLength: 1, maxLength: 4 }), { maxLength: 4 }), (lines) => {
        const read = cellsOf(lines.map((cells) => csvLine(cells)).join(''));
        expect(read.map((cells) => cells.map((text) => text.replace(/^'/, '')))).toEqual(
          lines.map((cells) => cells.map((text) => text.replace(/^'/, ''))),
        );
        for (const text of read.flat()) expect(text).not.toMatch(/^[=+\-@\t\r]/);
      }),
    );
  });
});
