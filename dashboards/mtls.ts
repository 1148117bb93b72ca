import { RowBuilder, type Dashboard, type DashboardBuilder } from '@grafana/grafana-foundation-sdk/dashboard';

import { makeDashboard } from './dashboard.ts';
import { mixin } from './mixin.ts';
import { SOURCE, date, series, stat, table, timeLeft, verdict } from './panels.ts';

/** Mutual TLS: who may log in where, until when, and by which trust stores. */
export function mtls(): Dashboard {
  return makeDashboard(
    {
      name: 'mtls',
      title: 'Mutual TLS',
      description:
        'Which client may log in where, until when, and which trust stores decide. Generated: see dashboards/ of notafter.',
    },
    (dashboard) => {
      addStateRow(dashboard);
      addClientRow(dashboard);
      addTrustRow(dashboard);
    },
  );
}

const ACCEPTED = `notafter_rehearsal_accepted{${SOURCE}, client!="none"}`;
const OUTAGE = `notafter_client_outage_timestamp_seconds{${SOURCE}}`;

function ofRole(role: string): string {
  return `notafter_certificate_not_after_timestamp_seconds{${SOURCE}, role="${role}"}`;
}

function addStateRow(dashboard: DashboardBuilder): void {
  const size = { width: 6, height: 4 };
  dashboard
    .withRow(new RowBuilder('Now'))
    .withPanel(
      stat({
        ...size,
        title: 'Logins rejected',
        description: 'Logins with a configured client certificate that the endpoint rejected at the last rehearsal.',
        unit: 'short',
        expr: `count(${ACCEPTED} == 0) or vector(0)`,
        thresholds: [
          [null, 'green'],
          [1, 'red'],
        ],
      }),
    )
    .withPanel(
      stat({
        ...size,
        title: 'Logins accepted',
        description: 'Logins with a configured client certificate that the endpoint accepted at the last rehearsal.',
        unit: 'short',
        expr: `count(${ACCEPTED} == 1) or vector(0)`,
        thresholds: [[null, 'blue']],
      }),
    )
    .withPanel(
      stat({
        ...size,
        title: 'Logins that end within 30 days',
        description: 'Pairs of a client and an endpoint that will stop working within 30 days, or have stopped.',
        unit: 'short',
        expr: `count(${OUTAGE} - time() < ${30 * mixin.dayS}) or vector(0)`,
        thresholds: [
          [null, 'green'],
          [1, 'orange'],
        ],
      }),
    )
    .withPanel(
      stat({
        ...size,
        title: 'Endpoints that let anyone in',
        description: 'Endpoints where a login without a certificate was accepted.',
        unit: 'short',
        expr: `count(notafter_rehearsal_accepted{${SOURCE}, client="none"} == 1) or vector(0)`,
        thresholds: [[null, 'blue']],
      }),
    );
}

function addClientRow(dashboard: DashboardBuilder): void {
  const soonest = `bottomk(100, ${OUTAGE})`;
  dashboard
    .withRow(new RowBuilder('Clients and endpoints'))
    .withPanel(
      table({
        width: 12,
        height: 11,
        title: 'Verdicts',
        description:
          'What each endpoint said of each client at the last rehearsal; none is nobody, without a certificate.',
        unit: 'short',
        queries: [`notafter_rehearsal_accepted{${SOURCE}}`],
        columns: [
          { field: 'client', name: 'Client' },
          { field: 'location', name: 'Endpoint' },
          { field: 'source', name: 'Source' },
          { field: 'Value', name: 'Verdict', properties: verdict },
        ],
        sortBy: 'Verdict',
        empty: 'No client is rehearsed',
      }),
    )
    .withPanel(
      table({
        width: 12,
        height: 11,
        title: 'When clients fail',
        description:
          'The first end among the certificate of the client, what is above it, and the CA by which the endpoint lets it in.',
        unit: 'short',
        queries: [`${soonest} * 1000`, `${soonest} - time()`],
        columns: [
          { field: 'client', name: 'Client' },
          { field: 'location', name: 'Endpoint' },
          { field: 'source', name: 'Source' },
          { field: 'Value #A', name: 'Fails from', properties: date },
          { field: 'Value #B', name: 'Left', properties: timeLeft },
        ],
        sortBy: 'Left',
        empty: 'No client is known',
      }),
    )
    .withPanel(
      series({
        width: 24,
        height: 7,
        title: 'Rejected logins',
        description:
          'Logins that were rejected, over time, by endpoint: a rise is a change of a certificate or a trust store.',
        unit: 'short',
        queries: { '{{location}}': `sum by (location) (1 - ${ACCEPTED}) > 0` },
      }),
    );
}

function addTrustRow(dashboard: DashboardBuilder): void {
  dashboard.withRow(new RowBuilder('What logins rest on'));
  for (const { role, title, description } of [
    {
      role: 'client',
      title: 'Client certificates',
      description: 'Client certificates, by place, the first that end first.',
    },
    {
      role: 'trust-anchor',
      title: 'Trust stores',
      description:
        'CA certificates in trust stores, the first that end first: with one of these end all whom it lets in.',
    },
  ]) {
    const soonest = `bottomk(100, ${ofRole(role)})`;
    dashboard.withPanel(
      table({
        width: 12,
        height: 10,
        title,
        description,
        unit: 'short',
        queries: [`${soonest} * 1000`, `${soonest} - time()`],
        columns: [
          { field: 'name', name: 'Certificate' },
          { field: 'issuer', name: 'Issuer' },
          { field: 'location', name: 'Location' },
          { field: 'Value #A', name: 'Ends', properties: date },
          { field: 'Value #B', name: 'Left', properties: timeLeft },
        ],
        sortBy: 'Left',
        empty: 'None is known',
      }),
    );
  }
}
