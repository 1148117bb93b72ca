import { describe, expect, it } from 'vitest';

import type { Alert } from '../../src/notify/model.ts';
import { alertSituation, join } from '../../src/runbook/gathering.ts';
import { buildRunbook } from '../../src/runbook/runbook.ts';
import { DAY, described, fileLocation, NOW } from '../policy/places.ts';

const client = described({
  id: 'described:1',
  title: 'billing',
  serial: '0A',
  issuer: 'CN=Partner CA',
  left: 20 * DAY,
});
const seen = {
  item: client,
  place: 'client',
  index: 0,
  role: 'client' as const,
  firstSeenAt: NOW,
  lastSeenAt: NOW,
};
const use = {
  firstAt: NOW - DAY,
  lastAt: NOW,
  count: 30,
  by: [{ reference: { type: 'app' as const, id: "api.example.com/v1/o'brien" }, count: 30 }],
};

function runbookOf(sighting: typeof seen & { readonly use?: typeof use }): ReturnType<typeof buildRunbook> {
  const location = {
    ...fileLocation([sighting]),
    id: 1,
    type: 'access-log',
    source: 'callers',
    location: "/var/log/nginx/clients.log client CN=o'brien",
  };
  const alert: Alert = {
    id: '0123456789abcdef',
    family: 'expiry',
    cause: client.id,
    state: 'open',
    generation: 1,
    openedAt: NOW,
    awaitsDigest: false,
    told: [],
    places: [
      {
        locationId: 1,
        source: 'callers',
        location: location.location,
        target: location.target,
        labels: {},
        state: 'open',
        findings: [
          {
            rule: 'expiring',
            family: 'expiry',
            severity: 'warning',
            cause: client.id,
            title: 'billing',
            summary: 'billing ends.',
            facts: [],
            actions: [],
          },
        ],
        firstAt: NOW,
        lastAt: NOW,
        goodLooks: 0,
      },
    ],
  };
  return buildRunbook(alertSituation(alert, join([location], new Map(), NOW)));
}

describe('the runbook of a client that is known by its use alone', () => {
  const { phases, impact, closing } = runbookOf({ ...seen, use });

  it('says what fails with it, and how often that was called', () => {
    expect(impact.sentences.join('\n')).toContain("api.example.com/v1/o'brien (30 times)");
    expect(impact.sentences.join('\n')).not.toContain('Nothing that notafter watches');
  });

  it('has its owner replace it, and issues nothing here', () => {
    expect(phases.successor[0]?.text.join('\n')).toContain('serial 0A, issued by CN=Partner CA');
    expect(phases.trust).toHaveLength(1);
    expect(JSON.stringify(phases)).not.toMatch(/genpkey|\$WORK/);
    expect(closing.join('\n')).toContain('in use');
    expect(phases.proof[0]?.commands).toEqual([`notafter explain '/var/log/nginx/clients.log client CN=o'\\''brien'`]);
  });

  it('is another where the certificate lies here, too', () => {
    expect(JSON.stringify(runbookOf(seen).phases)).toContain('genpkey');
  });
});
