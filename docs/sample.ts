import type { AffectedPlace, AlertNotice, Notification } from '../src/plugin/notification.ts';

const FINGERPRINT = '5f1c0a4e9d7b36c28e41f0a95d3b7c6612e8f4ad0b97c35e1f62d8a40c7b9e13';

function place(location: string, source: string): AffectedPlace {
  return {
    source,
    location,
    rules: ['client-will-fail', 'expiring'],
    severity: 'critical',
    summary: 'CN=billing ends in 4 days',
    labels: { owner: 'payments' },
    state: 'open',
  };
}

const ALERT: AlertNotice = {
  id: '8c1f5e0ad2b74c96',
  family: 'expiry',
  cause: FINGERPRINT,
  state: 'open',
  severity: 'critical',
  rules: ['client-will-fail', 'expiring'],
  title: 'billing (client of payments.example.com:8443)',
  summary: 'CN=billing ends in 4 days, 2027-03-05 12:00 UTC; from then on payments.example.com:8443 turns billing away',
  endsAt: new Date('2027-03-05T12:00:00Z'),
  openedAt: new Date('2027-02-10T12:00:00Z'),
  facts: [
    { name: 'Fingerprint', value: FINGERPRINT },
    { name: 'Serial', value: '0A4F19C2' },
    { name: 'Issuer', value: 'CN=Partner Issuing CA 2,O=Example' },
    { name: 'Valid from', value: '2026-12-05 12:00 UTC' },
    { name: 'Valid until', value: '2027-03-05 12:00 UTC' },
    { name: 'Role', value: 'client' },
  ],
  places: [
    place('/etc/billing/client.pem', 'app-1'),
    place('/etc/billing/client.pem', 'app-2'),
    place('payments.example.com:8443@192.0.2.7', 'partners'),
  ],
  placeCount: 3,
  actions: [
    'Make a request with the names of the old one: openssl req -new -key /etc/billing/client.key -subj "/CN=billing"',
    'Have it issued by CN=Partner Issuing CA 2,O=Example',
    'Put it in place on app-1 and app-2, and restart billing',
    'Prove it from outside: notafter check payments.example.com:8443 --client-cert /etc/billing/client.pem --client-key /etc/billing/client.key',
  ],
  runbookUrl: 'https://notafter.example.com/runbooks/client-will-fail',
};

/** An alert as those on call get it when it has become worse. */
export const SAMPLE: Notification = {
  id: 'f2b94a7c61d04e5f8a3b0c9d7e612f48',
  kind: 'alert',
  reason: 'worse',
  severity: 'critical',
  previousSeverity: 'warning',
  at: new Date('2027-03-01T09:00:00Z'),
  group: '8c1f5e0ad2b74c96',
  alerts: [ALERT],
  alertCount: 1,
  externalUrl: 'https://notafter.example.com/',
};

/** The same alert when it was told for the first time. */
export const FIRST: Notification = {
  ...SAMPLE,
  id: '91c0e7d24f5b4a6c8d3e2f1a0b9c8d7e',
  reason: 'first',
  severity: 'warning',
  at: ALERT.openedAt,
  alerts: [{ ...ALERT, severity: 'warning' }],
};

/** The same alert when its places show that it is over. */
export const RESOLVED: Notification = {
  ...SAMPLE,
  id: '07d3c5b1a9e84f62b5d0e1f2a3948576',
  reason: 'resolved',
  at: new Date('2027-03-02T14:30:00Z'),
  alerts: [
    {
      ...ALERT,
      state: 'resolved',
      summary: `Seen to be good again at 3 of 3 places. It was: ${ALERT.summary}`,
      places: ALERT.places.map((entry) => ({ ...entry, state: 'resolved' })),
      actions: [],
    },
  ],
};

function listed(title: string, severity: AlertNotice['severity'], day: string, location: string): AlertNotice {
  return {
    ...ALERT,
    title,
    severity,
    endsAt: new Date(`2027-${day}T12:00:00Z`),
    places: [place(location, 'disk')],
    placeCount: 1,
  };
}

/** What is told when a source is new. */
export const DIGEST: Notification = {
  ...SAMPLE,
  id: '3b6e9f0c8d7a41528c4d5e6f7a8b9c0d',
  kind: 'digest',
  occasion: 'first-day',
  reason: 'first',
  group: 'digest-1',
  alerts: [
    listed('old-vpn.example.com', 'critical', '02-11', '/etc/openvpn/server.crt'),
    { ...ALERT, title: 'Partner Issuing CA 2', severity: 'critical', placeCount: 512 },
    listed('mail.example.com', 'warning', '03-15', 'mail.example.com:25@192.0.2.25'),
    listed('*.shop.example.com', 'warning', '03-20', '/etc/nginx/tls/shop.pem'),
    listed('ldap.example.com', 'info', '04-28', 'ldap.example.com:636@192.0.2.40'),
  ],
  alertCount: 37,
};
