import { describe, expect, it } from 'vitest';

import type { Alert } from '../../src/notify/model.ts';
import { alertSituation, join } from '../../src/runbook/gathering.ts';
import { buildRunbook } from '../../src/runbook/runbook.ts';
import { compileRunbookTemplate } from '../../src/runbook/template.ts';
import { runbookBody } from '../../src/web/runbook-page.ts';
import { createAlertRunbooks } from '../../src/web/runbooks.ts';
import { DAY, fileLocation, leaf, NOW } from '../policy/places.ts';

const HOSTILE = '<script>alert(1)</script>"onload=x';
const item = leaf(HOSTILE, { left: 3 * DAY });
const location = {
  ...fileLocation([
    { item, place: 'certificate', index: 0, role: 'server' as const, firstSeenAt: NOW, lastSeenAt: NOW },
  ]),
  id: 7,
  source: 'disk',
  location: `/etc/${HOSTILE}.pem`,
  labels: { owner: HOSTILE },
};
const alert: Alert = {
  id: '0123456789abcdef',
  family: 'expiry',
  cause: item.id,
  state: 'open',
  generation: 1,
  openedAt: NOW,
  awaitsDigest: false,
  told: [],
  places: [
    {
      locationId: 7,
      source: 'disk',
      location: location.location,
      target: location.target,
      labels: location.labels,
      state: 'open',
      findings: [
        {
          rule: 'expiring',
          family: 'expiry',
          severity: 'critical',
          cause: item.id,
          title: HOSTILE,
          summary: `${HOSTILE} ends.`,
          endsAt: NOW + 3 * DAY,
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

function store() {
  let reads = 0;
  return {
    reads: () => reads,
    alerts: { alertsById: async (ids: readonly string[]) => (ids[0] === alert.id ? [alert] : []) },
    inventory: {
      locations: async () => {
        reads += 1;
        return [location];
      },
    },
  };
}

describe('the page of a runbook', () => {
  const runbook = buildRunbook(alertSituation(alert, join([location], new Map(), NOW)));

  it('shows the steps with their commands, and no name as HTML', async () => {
    const page = String(await runbookBody({ runbook }, alert.id));

    expect(page).toContain('Then the servers');
    expect(page).toMatch(/<pre [^>]*>\s*<code>/);
    expect(page).not.toContain('<script>');
    expect(page).not.toContain('"onload');
    expect(page).toContain('&lt;script&gt;');
  });

  it('shows the words of a template instead, and no name as HTML', async () => {
    const page = String(await runbookBody({ runbook, text: `Call ${HOSTILE}` }, alert.id));

    expect(page).toMatch(/<pre [^>]*>\s*Call &lt;script&gt;/);
    expect(page).not.toContain('Then the servers');
  });
});

describe('runbooks of alerts', () => {
  it('are made from what is known now, with the page of the rule and the template', async () => {
    const templates = new Map([['expiring', compileRunbookTemplate('Own words about {{rule}}')]]);
    const make = createAlertRunbooks({
      store: store(),
      locationsAround: async () => [location],
      templates: () => templates,
      now: () => NOW,
    });

    const made = await make(alert.id);

    expect(made).toMatchObject({ text: 'Own words about expiring', runbook: { severity: 'critical' } });
    expect(made === 'busy' ? '' : made?.runbook.meaning[0]).toMatch(/^A certificate will end soon/);
    expect(await make('ffffffffffffffff')).toBeUndefined();
  });

  it('are made one after the other, and refused when too many wait', async () => {
    const inventory = store();
    const make = createAlertRunbooks({
      store: inventory,
      locationsAround: inventory.inventory.locations,
      templates: () => new Map(),
      now: () => NOW,
    });

    const made = await Promise.all(Array.from({ length: 25 }, () => make(alert.id)));

    expect(made.filter((one) => one === 'busy')).toHaveLength(5);
    expect(inventory.reads()).toBe(20);
    expect(await make(alert.id)).not.toBe('busy');
  });
});
