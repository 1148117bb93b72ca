import { execFileSync } from 'node:child_process';

import { describe, expect, it } from 'vitest';

import type { Location, Sighting } from '../../src/inventory/model.ts';
import { itemSituation, join } from '../../src/runbook/gathering.ts';
import { buildRunbook } from '../../src/runbook/runbook.ts';
import { compileRunbookTemplate, SECTION_NAMES, templated } from '../../src/runbook/template.ts';
import { TemplateError } from '../../src/text/template.ts';
import { fileLocation, leaf, NOW } from '../policy/places.ts';

const HOSTILE = 'it\'s $(touch owned) `id` "; rm -rf ~ **bold** <b> [x](http://evil.example)';
const item = leaf(HOSTILE);
const sighting: Sighting = {
  item,
  place: 'certificate',
  index: 0,
  role: 'server',
  firstSeenAt: NOW,
  lastSeenAt: NOW,
};
const location: Location = { ...fileLocation([sighting]), source: 'disk', location: '/etc/ssl/api.pem' };
const runbook = buildRunbook(itemSituation(item, join([location], new Map(), NOW)));
const filled = (text: string): string => compileRunbookTemplate(text).render(runbook);

describe('a template of a runbook', () => {
  it('is filled with names that Markdown reads nothing into', () => {
    expect(filled('Renew {{title}}.')).toBe(
      'Renew it\'s \\$(touch owned) \\`id\\` "; rm -rf \\~ \\*\\*bold\\*\\* \\<b\\> \\[x\\](http\\://evil.example).',
    );
  });

  it('gives a code block one word of a shell', () => {
    const text = filled('```sh\nprintf %s {{title}}\n```');
    const command = text.split('\n')[1] ?? '';

    expect(execFileSync('/bin/sh', ['-c', command], { encoding: 'utf8' })).toBe(HOSTILE);
  });

  it('repeats for each place, in a code block, too', () => {
    expect(filled('{{#each places}}\n```sh\nls {{location}}\n```\n{{/each}}')).toContain('ls /etc/ssl/api.pem\n');
  });

  it.each(SECTION_NAMES)('takes the whole part %s as it was generated', (name) => {
    expect(filled(`before\n\n{{${name}}}\n\nafter`)).toMatch(/^before\n\n[^]*\n\nafter$/);
  });

  it('takes the steps with their commands', () => {
    expect(filled('{{steps}}')).toContain('put /etc/ssl/api.pem');
  });

  it.each([
    ['a name that does not exist', 'x\n{{nosuch}}', { line: 2, column: 1 }],
    [
      'a name that does not exist, in a branch that is not taken',
      '{{#if owners}}{{places.0.nosuch}}{{/if}}',
      { line: 1 },
    ],
    ['a part inside of a code block', '```\n{{steps}}\n```', { line: 2, column: 1 }],
    ['double quotes around a word', '```\nls "{{title}}"\n```', { line: 2, column: 5 }],
    ['single quotes around a word', "```\nls '{{title}}'\n```", { line: 2, column: 5 }],
    ['backticks around a word', '```\nx=`ls {{title}}`\n```', { line: 2, column: 7 }],
    ['quotes that are open since a line before', '```\necho "\n{{title}}\n"\n```', { line: 3, column: 1 }],
    ['a dollar before a word', '```\nls ${{title}}\n```', { line: 2, column: 5 }],
    ['a backslash before a word', '```\nls \\{{title}}\n```', { line: 2 }],
    ['a here-document', '```\ncat <<EOF\n{{title}}\nEOF\n```', { line: 2, column: 5 }],
    ['a choice that could leave quotes open', '```\n{{#if owners}}"{{/if}} {{title}}\n```', { line: 2 }],
  ])('refuses %s, with the place', (_what, text, position) => {
    let caught: unknown;
    try {
      compileRunbookTemplate(text);
    } catch (error) {
      caught = error;
    }
    expect(caught).toBeInstanceOf(TemplateError);
    expect(caught).toMatchObject({ position });
  });

  it('knows that a comment and closed quotes are no quotes', () => {
    expect(() => compileRunbookTemplate("```sh\n# it's here\nprintf '%s' {{title}} \"done\"\n```")).not.toThrow();
  });

  it('of a source comes before that of a rule', () => {
    const templates = new Map(['expiring', 'disk'].map((name) => [name, compileRunbookTemplate(name)]));

    expect(templated({ ...runbook, rules: ['expiring'] }, templates)).toBe('disk');
    expect(templated({ ...runbook, rules: ['expiring'], sources: ['other'] }, templates)).toBe('expiring');
    expect(templated({ ...runbook, sources: ['other'] }, templates)).toBeUndefined();
  });
});
