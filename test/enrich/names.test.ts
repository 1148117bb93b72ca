import { expect, test } from 'vitest';

import type { EnrichContext } from '../../src/enrich/enricher.ts';
import { isNameToAsk, names } from '../../src/enrich/names.ts';
import type { Fact, Inquiry } from '../../src/inventory/fact.ts';
import { nameSubject } from '../../src/plugin/fact-subject.ts';
import { NetworkError } from '../../src/network/network.ts';
import { never } from '../helpers/enrich.ts';

const NOW = Date.UTC(2026, 10, 23);
const HOUR = 3_600_000;

async function ask(name: string, resolve: EnrichContext['resolve'], fact?: Fact) {
  const subject = nameSubject(name);
  const previous: Inquiry = {
    enricher: 'names',
    subject,
    askedAt: 0,
    askAgainAt: 0,
    failures: 0,
    ...(fact === undefined ? {} : { fact }),
  };
  const context: EnrichContext = {
    clock: { now: () => NOW },
    resolve,
    fetch: () => Promise.reject(new Error('nothing is fetched')),
  };
  for await (const answer of names.enrich([{ subject, name, previous }], context, never)) return answer;
  throw new Error('no answer');
}

test('a name that leads somewhere is asked about without the search list, and again in a day', async () => {
  const asked: string[] = [];
  const answer = await ask('api.example.com', (host) => {
    asked.push(host);
    return Promise.resolve([{ address: '192.0.2.1', family: 4 }]);
  });
  expect(asked).toEqual(['api.example.com.']);
  expect(answer).toMatchObject({
    learned: { kind: 'name', resolves: true, resolvedAt: NOW },
    askAgainAt: NOW + 24 * HOUR,
  });
});

test('a name that is gone keeps when it was last seen, and since when it is dead', async () => {
  const gone = () => Promise.reject(new NetworkError('dns', 'no such name', { absent: true }));
  const first = await ask('a.example', gone, { kind: 'name', at: 1, resolves: true, resolvedAt: 5 });
  const later = await ask('a.example', gone, { kind: 'name', at: 1, resolves: false, resolvedAt: 5, deadSinceAt: 7 });
  const stranger = await ask('a.example', gone);
  expect(first).toMatchObject({
    learned: { resolves: false, resolvedAt: 5, deadSinceAt: NOW },
    askAgainAt: NOW + HOUR,
  });
  expect(later.learned).toMatchObject({ deadSinceAt: 7 });
  expect(stranger.learned).toEqual({ kind: 'name', at: NOW, resolves: false, deadSinceAt: NOW });
});

test('name servers that do not answer say nothing about the name', async () => {
  const answer = await ask('a.example', () => Promise.reject(new NetworkError('dns', 'the name servers failed')));
  expect(answer).toMatchObject({ problem: 'the name servers failed', askAgainAt: NOW + 300_000 });
  expect(answer).not.toHaveProperty('learned');
});

test.each([
  ['api.example.com', true],
  ['_dmarc.example.com', true],
  ['xn--bcher-kva.example', true],
  ['*.example.com', false],
  ['192.0.2.1', false],
  ['2001:db8::1', false],
  ['someone@example.com', false],
  ['https://example.com', false],
  ['localhost', false],
  ['', false],
  [`${'a.'.repeat(200)}com`, false],
  ['exa mple.com', false],
  ['-f.example.com', false],
  ['a.-b.example.com', false],
])('%s is looked up: %s', (name, expected) => {
  expect(isNameToAsk(name)).toBe(expected);
});
