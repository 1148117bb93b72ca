import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { compileTemplate, TemplateError, type TemplateData, type TemplateSink } from '../../src/text/template.ts';

const DATA = {
  headline: 'Critical: a "quoted" <name>',
  severity: 'critical',
  count: 3,
  nothing: null,
  no: false,
  empty: [],
  alerts: [
    { title: 'one', places: [{ location: 'a' }, { location: 'b' }], labels: { owner: 'me' } },
    { title: 'two', places: [{ location: 'c' }], labels: {} },
  ],
} as const satisfies TemplateData;

function render(template: string, data: TemplateData = DATA, sink: TemplateSink = 'text'): string {
  return compileTemplate(template).render(data, { sink, maxLength: 10_000 });
}

describe('a template', () => {
  test.each([
    ['plain text', 'plain text'],
    ['{{ severity }} and {{count}}', 'critical and 3'],
    ['{{ alerts.0.title }} {{alerts.1.places.0.location}}', 'one c'],
    ['[{{ alerts.9 }}]', '[]'],
    ['[{{ nothing }}]', '[]'],
    ['[{{ alerts.9.title }}]', '[]'],
    ['{{ severity | upper }} {{ headline | lower | cut 9 }}', 'CRITICAL critical…'],
    ['{{ nothing | default "none" }} {{ severity | default "none" }}', 'none critical'],
    ['{{#if count}}yes{{else}}no{{/if}}', 'yes'],
    ['{{#if empty}}yes{{else}}no{{/if}}{{#if no}}!{{/if}}', 'no'],
    ['{{#unless empty}}none{{/unless}}', 'none'],
    ['{{#each alerts}}{{title}}{{#unless @last}}, {{/unless}}{{/each}}', 'one, two'],
    ['{{#each alerts}}{{@index}}{{#each places}} {{title}}-{{location}}{{/each}};{{/each}}', '0 one-a one-b;1 two-c;'],
    ['{{#each empty}}x{{else}}none of {{count}}{{/each}}', 'none of 3'],
    ['{{#each alerts}}[{{labels.owner}}]{{/each}}', '[me][]'],
    ['{{ alerts.0.places | json }}', '[{"location":"a"},{"location":"b"}]'],
    ['{"a": 1} } }} { ok', '{"a": 1} } }} { ok'],
    ['${HOME} $(id) `id` <%= 1 %>', '${HOME} $(id) `id` <%= 1 %>'],
  ])('%s', (template, expected) => {
    expect(render(template)).toBe(expected);
  });

  test.each<[TemplateSink, string]>([
    ['text', 'Critical: a "quoted" <name>'],
    ['json', 'Critical: a \\"quoted\\" <name>'],
    ['html', 'Critical: a &quot;quoted&quot; &lt;name&gt;'],
    ['form', 'Critical%3A%20a%20%22quoted%22%20%3Cname%3E'],
  ])('escapes for %s', (sink, expected) => {
    expect(render('{{ headline }}', DATA, sink)).toBe(expected);
  });

  test.each([
    ['{{ headlin }}', 'there is no "headlin" here (line 1, column 1)'],
    ['a\n  {{ alerts.0.titel }}', 'there is no "alerts.0.titel" here (line 2, column 3)'],
    ['{{ constructor }}', 'there is no "constructor"'],
    ['{{ headline.length }}', 'there is no "headline.length"'],
    ['{{ alerts.length }}', 'there is no "alerts.length"'],
    ['{{ __proto__.x }}', 'there is no "__proto__.x"'],
    ['{{ @index }}', 'there is no "@index"'],
    ['{{#each headline}}x{{/each}}', '"headline" is no list'],
    ['{{#if no}}{{ headlin }}{{/if}}', 'there is no "headlin"'],
    ['{{#each alerts}}{{#if no}}{{ titel }}{{/if}}{{/each}}', 'there is no "titel"'],
  ])('%s is found by the check', (template, message) => {
    expect(() => compileTemplate(template).check(DATA)).toThrow(message);
  });

  test.each([
    ['{{ a', '{{ without its }} (line 1, column 1)'],
    ['{{#if a}}', '{{#if}} is never closed'],
    ['{{/if}}', 'closes nothing that is open'],
    ['{{#if a}}{{/each}}', 'closes nothing that is open'],
    ['{{else}}', 'outside of a block'],
    ['{{#if a}}{{else}}{{else}}{{/if}}', 'outside of a block'],
    ['{{ a() }}', 'is no name'],
    ['{{ a[0] }}', 'is no name'],
    ['{{}}', 'is no name'],
    ['{{ a | shell }}', 'there is no filter "shell"'],
    ['{{ a | cut 99999 }}', 'there is no filter'],
    ['{{#while a}}{{/while}}', 'is no name'],
    ['{{#if a}}'.repeat(9), 'more than 8 blocks'],
    ['x'.repeat(20_000), 'longer than'],
  ])('%s is refused', (template, message) => {
    expect(() => compileTemplate(template)).toThrow(TemplateError);
    expect(() => compileTemplate(template)).toThrow(message);
  });

  test('loops inside loops end', () => {
    const list = Array.from({ length: 50 }, () => ({}));
    const nested = `${'{{#each alerts}}'.repeat(6)}${'{{/each}}'.repeat(6)}`;
    expect(() => render(nested, { alerts: list })).toThrow('repeats itself too often');
    expect(() => render('{{#each alerts}}0123456789{{/each}}'.repeat(30), { alerts: list })).toThrow(
      'longer than 10000',
    );
  });

  test('no value breaks out of a string of JSON', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (value) => {
        const json = render('{"a": "{{ value }}", "b": {{ value | json }}}', { value }, 'json');
        const parsed = JSON.parse(json) as Record<string, string>;
        expect(Object.keys(parsed)).toEqual(['a', 'b']);
        expect(parsed['b']).toBe(value);
      }),
    );
  });

  test('no value adds a line, a field of a form or an element', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (value) => {
        expect(render('{{ value }}', { value })).not.toMatch(/[\r\n\u2028\u2029]/);
        expect(render('{{ value }}', { value }, 'form')).not.toMatch(/[&=\s]/);
        expect(render('{{ value }}', { value }, 'html')).not.toMatch(/[<>"']/);
      }),
    );
  });
});
