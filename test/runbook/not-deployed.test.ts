import { describe, expect, it } from 'vitest';

import type { Alert } from '../../src/notify/model.ts';
import { alertSituation, join } from '../../src/runbook/gathering.ts';
import { buildRunbook } from '../../src/runbook/runbook.ts';
import { DAY, endpointLocation, fileLocation, leaf, NOW } from '../policy/places.ts';

const old = leaf('web.example.com', { id: 'a'.repeat(64), left: 5 * DAY });
const newer = leaf('web.example.com', { id: 'b'.repeat(64), left: 80 * DAY });
const endpoint = { ...endpointLocation([old], { target: 'web.example.com' }), id: 1, source: 'web' };
const file = {
  ...fileLocation([
    {
      item: newer,
      place: 'certificate',
      index: 0,
      role: 'server' as const,
      firstSeenAt: NOW,
      lastSeenAt: NOW,
      key: { at: '/etc/ssl/web.key', match: 'yes' as const },
    },
  ]),
  id: 2,
  source: 'disk',
  location: '/etc/ssl/web.pem',
};
/** Its cause is the newer certificate. */
const alert: Alert = {
  id: '0123456789abcdef',
  family: 'deployment',
  cause: newer.id,
  state: 'open',
  generation: 1,
  openedAt: NOW,
  awaitsDigest: false,
  told: [],
  places: [
    {
      locationId: 1,
      source: 'web',
      location: endpoint.location,
      target: endpoint.target,
      labels: {},
      state: 'open',
      findings: [
        {
          rule: 'not-deployed',
          family: 'deployment',
          severity: 'warning',
          cause: newer.id,
          title: 'web.example.com',
          summary: 'A newer certificate lies there.',
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

describe('the runbook of a certificate that was not deployed', () => {
  const { phases } = buildRunbook(alertSituation(alert, join([endpoint, file], new Map(), NOW)));
  const all = JSON.stringify(phases);

  it('takes the newer one from where it lies, and lets the server read it', () => {
    expect(phases.successor[0]?.commands).toContain('openssl x509 -in /etc/ssl/web.pem -out "$WORK/new.pem"');
    expect(phases.successor[0]?.commands).toContain('openssl pkey -in /etc/ssl/web.key -out "$WORK/new.key"');
    expect(phases.servers).toHaveLength(1);
    expect(phases.servers[0]?.choices.map(({ when }) => when)).toContain('nginx');
  });

  it('replaces nothing where the newer one lies, and has nothing issued', () => {
    expect(all).not.toContain('put /etc/ssl/web.pem');
    expect(all).not.toContain('genpkey');
  });
});
