import { existsSync, readFileSync, statSync } from 'node:fs';

import { describe, expect, it } from 'vitest';

import { generatedAgreement, generatedMessages, generatedReadme } from '../../docs/generate.ts';
import { REASON_LIST } from '../../src/plugin/reason.ts';
import { RULES } from '../../src/policy/finding.ts';
import { openingOf } from '../../src/runbook/runbook.ts';

const read = (name: string): string => readFileSync(new URL(`../../${name}`, import.meta.url), 'utf8');

describe('the docs', () => {
  it('hold the tables of collectors and channels as the code has them', async () => {
    const readme = read('README.md');

    expect(await generatedReadme(readme)).toBe(readme);
  });

  it('list every disagreement with other readers', async () => {
    const page = read('docs/reference/agreement.md');

    expect(await generatedAgreement(page)).toBe(page);
  });

  it('show what is sent as the code sends it, and pictures that are there', async () => {
    const page = read('docs/reference/messages.md');
    const pictures = [...page.matchAll(/\(\.\.\/images\/(\S+)\)/g)].map((match) => match[1] ?? '');

    expect(await generatedMessages(page)).toBe(page);
    expect(pictures).toHaveLength(6);
    for (const name of pictures) {
      expect(statSync(new URL(`../../docs/images/${name}`, import.meta.url)).size).toBeLessThan(150_000);
    }
  });

  it('explain every reason, and no other', () => {
    const anchors = [...read('docs/reference/errors.md').matchAll(/^## (.+)$/gm)].map((match) => match[1]);

    expect(new Set(anchors)).toEqual(new Set(REASON_LIST));
    expect(anchors).toHaveLength(REASON_LIST.length);
  });

  it.each(RULES)('have a runbook page for the rule %s', (rule) => {
    expect(existsSync(new URL(`../../docs/runbooks/${rule}.md`, import.meta.url))).toBe(true);
    expect(read(`docs/runbooks/${rule}.md`).length).toBeGreaterThan(400);
  });

  it.each(RULES)('say of %s what it means, what breaks, how to look, what to do and when it is over', (rule) => {
    const page = read(`docs/runbooks/${rule}.md`);
    const headings = [...page.matchAll(/^## (.+)$/gm)].map((match) => match[1]);

    expect(headings).toEqual(
      expect.arrayContaining(['Meaning', 'Impact', 'Diagnosis', 'What to do', 'How it resolves']),
    );
    // What the generated runbook says of the rule.
    expect(openingOf(page)).toEqual([expect.stringMatching(/^(?:[A-Z]|notafter ).{20,}\.$/)]);
  });

  it('show the two commands in the README', () => {
    const readme = read('README.md');

    expect(readme).toContain('npm ci && npm start');
    expect(readme).toContain('npm ci && npm test');
  });
});
