import { expect, test } from 'vitest';

import type { Inquiry } from '../../src/inventory/fact.ts';
import { CLOCK_SUBJECT, nameSubject } from '../../src/plugin/fact-subject.ts';
import { FactIndex } from '../../src/inventory/fact-index.ts';

const good: Inquiry = {
  enricher: 'crl',
  subject: 'aa',
  fact: { kind: 'revocation', at: 1, status: 'good', by: 'crl', url: 'http://crl.example/' },
  askedAt: 1,
  askAgainAt: 2,
  failures: 0,
};
const vain: Inquiry = { enricher: 'ari', subject: 'aa', askedAt: 1, askAgainAt: 2, failures: 1, problem: 'no answer' };

test('the facts of a subject are those that were learned', () => {
  const index = new FactIndex([good, vain]);
  expect([index.facts('aa'), index.facts('bb')]).toEqual([[good.fact], []]);
  expect(index.get('ari', 'aa')).toBe(vain);
  expect([...index.inquiries()]).toEqual([good, vain]);
});

test('a later inquiry takes the place of an earlier one, and what is forgotten is gone', () => {
  const index = new FactIndex([good, vain]);
  index.set({ ...good, failures: 1 });
  index.delete('ari', 'aa');
  index.delete('ari', 'bb');
  expect([...index.inquiries()]).toEqual([{ ...good, failures: 1 }]);
  index.delete('crl', 'aa');
  expect(index.facts('aa')).toEqual([]);
});

test('names, the clock and certificates are never taken for each other', () => {
  expect(new Set([nameSubject('clock'), CLOCK_SUBJECT, 'aa', nameSubject('aa')]).size).toBe(4);
  expect(nameSubject('API.Example.com')).toBe(nameSubject('api.example.com'));
});
