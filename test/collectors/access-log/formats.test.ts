import { hash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';

import { readName, shortName } from '../../../collectors/access-log/distinguished-name.ts';
import { createRow, FIELDS, type Field } from '../../../collectors/access-log/field.ts';
import { openFormat } from '../../../collectors/access-log/format.ts';
import { parseMoment } from '../../../collectors/access-log/moment.ts';
import { parseTemplate } from '../../../collectors/access-log/template.ts';
import { nameKey } from '../../../src/certificate/name-key.ts';
import type { Item } from '../../../src/plugin/item.ts';
import { DAY, NOON, nginxLine, openLog } from '../../helpers/access-log.ts';
import { createAuthority } from '../../helpers/pki.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'notafter-formats-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const authority = createAuthority({ name: 'Partner CA' });
const client = authority.issue({
  commonName: 'billing',
  names: [],
  extendedKeyUsage: ['clientAuth'],
  notAfter: new Date(NOON + 20 * DAY),
});
const pem = client.pem.trim();
const sha1 = hash('sha1', client.der, 'hex');
const base64 = Buffer.from(client.der).toString('base64');

let number = 0;

/** The items of the one client of a log with these lines. */
async function read(
  lines: string,
  given: object,
): Promise<{ readonly client: string; readonly items: readonly Item[] }> {
  number += 1;
  const log = path.join(folder, `${number}.log`);
  writeFileSync(log, lines);
  const news = await (await openLog(log, given)).look();
  const [location, observation] = [...news].find(([, { items }]) => items.length > 0) ?? [];
  return { client: location?.slice(`${log} client `.length) ?? '', items: observation?.items ?? [] };
}

/** The same client, as each server writes it with the format that the README recommends. */
const WHOLE = [
  [
    'haproxy',
    'haproxy',
    `Nov 23 11:59:00 lb1 haproxy[812]: notafter 1795435140 0 ${base64} api.example.com /v1/payments\n`,
    {},
  ],
  [
    'nginx with the escaped certificate',
    'nginx',
    `2026-11-23T11:59:00+00:00\tSUCCESS\t${encodeURIComponent(`${pem}\n`)}\tapi.example.com\t/v1/payments/3\n`,
    { log_format: String.raw`$time_iso8601\t$ssl_client_verify\t$ssl_client_escaped_cert\t$host\t$request_uri` },
  ],
  [
    'envoy with XFCC of two proxies',
    'envoy',
    `[2026-11-23T11:59:00.123Z] "GET /v1/payments/1 HTTP/1.1" 200 "By=spiffe://a;Hash=${'0'.repeat(64)};Subject=\\"CN=forged\\",By=spiffe://b;Hash=${client.fingerprint};Cert="${encodeURIComponent(`${pem}\n`)}";Subject="CN=billing";URI=" "api.example.com"\n`,
    {
      log_format:
        '[%START_TIME%] "%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%" %RESPONSE_CODE% "%REQ(X-FORWARDED-CLIENT-CERT)%" "%REQ(:AUTHORITY)%"',
    },
  ],
  [
    'API Gateway',
    'json',
    `${JSON.stringify({ time: '23/Nov/2026:11:59:00 +0000', host: 'api.example.com', path: '/v1/payments', certificate: `${pem}\n`, subject: 'CN=billing', nested: { subject: ['CN=other'] } })}\n`,
    {},
  ],
] as const;

describe('a log with whole certificates gives them', () => {
  test.each(WHOLE)('%s', async (_what, format, lines, given) => {
    const { client: name, items } = await read(lines, { format, ...given });

    expect(name).toBe('CN=billing');
    expect(items).toMatchObject([
      {
        kind: 'certificate',
        parsed: { fingerprint: client.fingerprint },
        seenInUse: {
          last: new Date(Date.UTC(2026, 10, 23, 11, 59)),
          by: [{ reference: { id: 'api.example.com/v1/payments' }, count: 1 }],
        },
      },
    ]);
  });
});

/** What each server writes of it without its bytes. */
const DESCRIBED = [
  [
    'apache',
    'apache',
    `2026-11-23T11:59:00+0000\tSUCCESS\t0A1B2C\tDec 13 12:00:00 2026 GMT\tapi.example.com\t/v1/payments/2\tCN=Partner CA\tCN=billing\n`,
    {},
    { serial: '0A1B2C', issuer: 'CN=Partner CA', notAfter: new Date(NOON + 20 * DAY) },
  ],
  [
    'apache with the combined format and more',
    'apache',
    `10.0.0.7 - - [23/Nov/2026:11:59:00 +0000] "GET /v1/payments HTTP/1.1" 200 12 "-" "curl \\"7\\"" "/C=DE/O=Partner/CN=billing" "/CN=Partner CA" 0A1B2C\n`,
    {
      log_format: String.raw`%h %l %u %t \"%r\" %>s %b \"%{Referer}i\" \"%{User-agent}i\" \"%{SSL_CLIENT_S_DN}x\" \"%{SSL_CLIENT_I_DN}x\" %{SSL_CLIENT_M_SERIAL}x`,
    },
    { serial: '0A1B2C', issuer: 'CN=Partner CA', notAfter: 'unknown' },
  ],
  [
    'haproxy by parts',
    'haproxy',
    `<134>Nov 23 11:59:00 haproxy[7]: 10.0.0.7 [23/Nov/2026:11:59:00.321] 0 "${sha1.toUpperCase()}" "261213120000Z" "/CN=billing" "/CN=Partner CA" api.example.com /v1/payments\n`,
    {
      log_format:
        ': %ci [%tr] %[ssl_c_verify] %{+Q}[ssl_c_sha1,hex] %{+Q}[ssl_c_notafter] %{+Q}[ssl_c_s_dn] %{+Q}[ssl_c_i_dn] %[ssl_fc_sni] %HP',
    },
    { sha1, issuer: 'CN=Partner CA', notAfter: new Date(NOON + 20 * DAY) },
  ],
  [
    'envoy',
    'envoy',
    `2026-11-23T11:59:00.000Z\t${client.fingerprint}\t2026-12-13T12:00:00.000Z\tapi.example.com\t/v1/payments?x=1\tCN=Partner CA\tCN=billing\n`,
    {},
    { sha256: client.fingerprint, notAfter: new Date(NOON + 20 * DAY) },
  ],
  [
    'connection logs of an ALB',
    'alb',
    `2026-11-23T11:58:59.115508Z 203.0.113.1 36280 443 TLSv1.2 ECDHE-RSA-AES128-GCM-SHA256 4.036 - - - - TID_0 -
2026-11-23T11:59:00.115508Z 203.0.113.1 36280 443 TLSv1.2 ECDHE-RSA-AES128-GCM-SHA256 4.036 "CN=billing" NotBefore=2025-12-13T12:00:00Z;NotAfter=2026-12-13T12:00:00Z FEF257372D5C14D4 Success TID_1 -
2026-11-23T11:59:00.115508Z 203.0.113.9 36281 443 TLSv1.2 ECDHE-RSA-AES128-GCM-SHA256 4.036 "CN=forged" NotBefore=2025-12-13T12:00:00Z;NotAfter=2026-12-13T12:00:00Z 01 Failed:ClientCertUntrusted TID_2 -
`,
    {},
    { serial: 'FEF257372D5C14D4', notBefore: new Date(NOON - 345 * DAY), notAfter: new Date(NOON + 20 * DAY) },
  ],
  [
    'JSON with keys of its own',
    'json',
    `{"ts": 1795435140.5, "tls":{"x":"}\\"{"}, "client_dn": "CN=billing", "issuer_dn":"CN=Partner CA","serial" : "0a:1b:2c", "ok":"SUCCESS","uri":"/v1/payments\\/7", "client_dn":"CN=late"}\n`,
    { fields: { subject: 'client_dn', issuer: 'issuer_dn', time: 'ts', verify: 'ok', path: 'uri' } },
    { serial: '0A1B2C', issuer: 'CN=Partner CA', notAfter: 'unknown' },
  ],
] as const;

describe('a log that describes certificates gives what it tells', () => {
  test.each(DESCRIBED)('%s', async (_what, format, lines, given, expected) => {
    const { client: name, items } = await read(lines, { format, ...given });

    expect(name).toMatch(/^CN=billing(,O=Partner,C=DE)?$/);
    expect(items).toMatchObject([
      {
        kind: 'described',
        names: ['billing'],
        ...expected,
        seenInUse: { last: new Date(Date.UTC(2026, 10, 23, 11, 59)), count: 1 },
      },
    ]);
  });
});

/** The fields of a line, by name. */
function fieldsOf(format: ReturnType<typeof openFormat>, line: string): Partial<Record<Field, string>> | undefined {
  const bytes = Buffer.from(line, 'utf8');
  const row = createRow();
  if (!format.readLine(bytes, 0, bytes.length, row)) return undefined;
  return Object.fromEntries(
    FIELDS.flatMap((field, index) =>
      (row.starts[index] ?? -1) < 0 ? [] : [[field, bytes.toString('utf8', row.starts[index], row.ends[index])]],
    ),
  );
}

describe('reading a line', () => {
  const text = fc.string({ unit: 'grapheme' }).map((value) => value.replaceAll(/[\t\n]/g, ''));

  test('of text gives back what was written between tabs', () => {
    const format = openFormat({ format: 'nginx' });
    fc.assert(
      fc.property(text, text, text, (subject, host, uri) => {
        const line = nginxLine({ subject, host, path: uri }).slice(0, -1);
        expect(fieldsOf(format, line)).toMatchObject({ subject, host, path: uri });
      }),
    );
  });

  test('of JSON gives back what was written, whatever stands beside it', () => {
    const format = openFormat({ format: 'json' });
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.jsonValue(), fc.jsonValue(), (subject, before, after) => {
        const fields = fieldsOf(format, JSON.stringify({ before, subject, after }));
        expect(JSON.parse(`"${fields?.subject ?? ''}"`)).toBe(subject);
      }),
    );
  });

  test.each(['nginx', 'apache', 'haproxy', 'envoy', 'alb', 'json'] as const)(
    'of %s that is cut or forged never fails otherwise than by saying so',
    (name) => {
      const format = openFormat({ format: name });
      fc.assert(
        fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
          const row = createRow();
          if (!format.readLine(bytes, 0, bytes.length, row)) return;
          for (const [index, start] of row.starts.entries()) {
            if (start < 0) continue;
            expect(start).toBeLessThanOrEqual(row.ends[index] ?? -1);
            expect(row.ends[index]).toBeLessThanOrEqual(bytes.length);
          }
        }),
      );
    },
  );
});

test.each([
  ['nginx', '$ssl_client_s_dn$host', /nothing in between/],
  ['nginx', 'nothing', /no variable/],
  ['haproxy', '%{+Q}o', /no variable/],
] as const)('a log format of %s that cannot be read is refused: %s', (dialect, format, why) => {
  expect(() => parseTemplate(dialect, format)).toThrow(why);
});

test.each([
  ['2026-11-23T12:00:00Z', 0],
  ['2026-11-23T13:00:00+01:00', 0],
  ['2026-11-23 12:00:01.999 UTC', 1000],
  ['[23/Nov/2026:12:00:00 +0000]', 0],
  ['23/Nov/2026:07:00:00.250 -0500', 0],
  ['Nov 23 12:00:00 2026 GMT', 0],
  ['Nov  3 12:00:00 2026 GMT', -20 * DAY],
  ['261123120000Z', 0],
  ['20261123120000Z', 0],
  [String(NOON / 1000), 0],
  [`${NOON / 1000}.123`, 0],
  [String(NOON), 0],
  ['2026-13-23T12:00:00Z', undefined],
  ['yesterday', undefined],
  ['', undefined],
])('the time %s is read', (text, since) => {
  expect(parseMoment(text)).toBe(since === undefined ? undefined : NOON + since);
});

test.each([
  ['/C=DE/O=A, B/CN=x', String.raw`CN=x,O=A\, B,C=DE`],
  ['/O=http://a/b/CN=x', 'CN=x,O=http://a/b'],
  ['CN=x, O=A, C=DE', 'CN=x,O=A,C=DE'],
  [String.raw`CN=x\, y,O=A`, String.raw`CN=x\, y,O=A`],
])('the name %s is written as RFC 4514 has it', (text, name) => {
  expect(readName(text)).toBe(name);
  expect(nameKey(readName(text))).toBe(nameKey(name));
});

test('people call a name by its common name', () => {
  expect(shortName(String.raw`O=A,CN=x\, y`)).toBe('x, y');
  expect(shortName('O=A')).toBe('O=A');
});
