import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

const LOGGER = fileURLToPath(new URL('../../../src/cli/run/logger.ts', import.meta.url));
const PIECES = [
  '\n',
  '\r',
  '\u001b[2J',
  '\u009b31m',
  '\0',
  '\u2028',
  '\u202e',
  '","level":"error',
  '\ud800',
  '"',
  '\\',
];
const TEXTS = fc
  .sample(
    fc.array(fc.oneof(fc.constantFrom(...PIECES), fc.string({ unit: 'binary', maxLength: 6 })), {
      minLength: 1,
      maxLength: 4,
    }),
    { numRuns: 500, seed: 5 },
  )
  .map((pieces) => pieces.join(''));

/** What stands on stderr after each text was logged, as a field and as an error. */
function logged(format: 'json' | 'text'): readonly string[] {
  const program = `
    const { createLogger } = await import(${JSON.stringify(LOGGER)});
    const log = createLogger({ level: 'info', format: '${format}' });
    const chunks = [];
    for await (const chunk of process.stdin) chunks.push(chunk);
    for (const text of JSON.parse(Buffer.concat(chunks))) log.warn({ detail: text, error: new Error(text) }, 'seen');
  `;
  const { stderr, status } = spawnSync(process.execPath, ['--input-type=module', '-e', program], {
    input: JSON.stringify(TEXTS),
    encoding: 'utf8',
  });
  expect([status, stderr.at(-1)]).toEqual([0, '\n']);
  return stderr.slice(0, -1).split('\n');
}

describe('500 hostile texts in the log', () => {
  test('are a line of JSON each, and come back as they were', () => {
    const lines = logged('json').map((line) => JSON.parse(line) as { level: string; msg: string; detail: string });
    expect(lines.map(({ detail }) => detail)).toEqual(TEXTS);
    expect(new Set(lines.map(({ level, msg }) => `${level} ${msg}`))).toEqual(new Set(['warn seen']));
  });

  test('are a line of text each, in which nothing steers a terminal', () => {
    const lines = logged('text');
    expect(lines).toHaveLength(TEXTS.length);
    for (const line of lines) {
      expect(line).toMatch(/^\d\d:\d\d:\d\d warn {2}seen {2}detail=/);
      expect(line).not.toMatch(/[\p{Cc}\p{Cf}\u2028\u2029]/u);
    }
  });
});
