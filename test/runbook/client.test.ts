import { describe, expect, it } from 'vitest';

import type { Alert } from '../../src/notify/model.ts';
import { alertSituation, join } from '../../src/runbook/gathering.ts';
import { buildRunbook } from '../../src/runbook/runbook.ts';
import { DAY, endpointLocation, judged, leaf, NOW, showing } from '../policy/places.ts';

const client = leaf('billing', { left: 60 * DAY });
const usedBy = [{ type: 'endpoint' as const, id: 'api.example.com:8443' }];

/** The runbook of the alert about a client that an endpoint rejects. */
function rejected(): ReturnType<typeof buildRunbook> {
  const verdict = { status: 'rejected' as const, reason: 'unknown_ca' };
  const location = { ...showing(endpointLocation([leaf()]), 'billing', [client], verdict, { usedBy }), id: 1 };
  const findings = judged(location).findings.filter(({ rule }) => rule === 'client-rejected');
  const { source, location: name, target, labels } = location;
  const alert: Alert = {
    id: '0123456789abcdef',
    family: 'client',
    cause: client.id,
    state: 'open',
    generation: 1,
    openedAt: NOW,
    awaitsDigest: false,
    told: [],
    places: [
      {
        locationId: 1,
        source,
        location: name,
        target,
        labels,
        state: 'open',
        findings,
        firstAt: NOW,
        lastAt: NOW,
        goodLooks: 0,
      },
    ],
  };
  return buildRunbook(alertSituation(alert, join([location], new Map(), NOW)));
}

describe('the runbook of a client that is rejected', () => {
  const { impact, phases } = rejected();

  it('tells of the logins, and of no service that would fail for everybody', () => {
    expect(impact.services).toEqual([]);
    expect(impact.logins).toMatchObject([{ client: 'billing', endpoint: 'api.example.com:8443@10.0.0.7' }]);
    expect(impact.sentences.join(' ')).not.toContain('everybody');
  });

  it('has its steps at the client, and looks at no certificate of the server', () => {
    expect(phases.servers).toEqual([]);
    expect(phases.clients.length).toBeGreaterThan(0);
    expect(phases.diagnosis.flatMap(({ commands }) => commands)).toEqual([`notafter explain ${client.id}`]);
  });

  it('is proven by a login', () => {
    expect(phases.proof.flatMap(({ commands }) => commands)).toEqual([
      expect.stringMatching(/^: "\$\{CLIENT_CERT:\?/),
      expect.stringMatching(/^: "\$\{CLIENT_KEY:\?/),
      'notafter check api.example.com:8443 --client-cert "$CLIENT_CERT" --client-key "$CLIENT_KEY"',
    ]);
  });
});
