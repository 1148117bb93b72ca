import { hash } from 'node:crypto';
import { expect, test } from 'vitest';

import { runCli } from '../helpers/cli.ts';
import { startTcpServer } from '../helpers/loopback-servers.ts';
import { createAuthority, selfSigned, type TestCertificate } from '../helpers/pki.ts';
import { handshakeMessage, serveTls12, tls12Flight, tls12List } from '../helpers/raw-tls.ts';
import { serveTls13Peer, tls13List, VERIFY } from '../helpers/tls13-peer.ts';

interface Report {
  readonly locations: readonly {
    target: string;
    endpoint: { tls_version: string; chain: readonly string[] };
    transcript: readonly string[];
  }[];
  readonly certificates: readonly {
    fingerprint_sha256: string;
    location: string;
    index: number;
    not_after: string | null;
  }[];
  readonly problems: readonly { location: string; place: string; reason: string }[];
}

const root = createAuthority({ name: 'Root' });
const intermediate = createAuthority({ name: 'Intermediate', parent: root });
const notAfter = new Date('2027-08-09T10:11:12Z');
const leaf = intermediate.issue({ names: ['fidelity.example'], notAfter });
const stranger = selfSigned({ names: ['stranger.example'], notAfter });
const big = selfSigned({
  names: Array.from({ length: 10_000 }, (_value, index) => `host-${index}.example`),
  notAfter,
});
const garbage = Buffer.from('no certificate');

/** What is sent, and the places of what can be read. */
const LISTS: readonly (readonly [string, readonly Uint8Array[], ReadonlyMap<number, TestCertificate>])[] = [
  [
    'doubles, strangers and the reverse order',
    [root.certificate.der, intermediate.certificate.der, leaf.der, leaf.der, stranger.der, root.certificate.der],
    new Map([
      [0, root.certificate],
      [1, intermediate.certificate],
      [2, leaf],
      [4, stranger],
    ]),
  ],
  [
    'entries that are no certificates',
    [leaf.der, garbage, leaf.der.subarray(0, -20), new Uint8Array(), intermediate.certificate.der],
    new Map([
      [0, leaf],
      [4, intermediate.certificate],
    ]),
  ],
  [
    'more than 200 KB',
    [big.der, leaf.der],
    new Map([
      [0, big],
      [1, leaf],
    ]),
  ],
];

/** No library serves these; OpenSSL refuses to read the second and the third. */
test('check reports every list byte for byte and in order, with the ends of what is in it, over TLS 1.2 and 1.3', async () => {
  const cases = await Promise.all(
    LISTS.flatMap(([what, list, readable]) => [
      startTcpServer(serveTls12(tls12Flight(tls12List(list)))).then((server) => ({
        what,
        list,
        readable,
        server,
        version: '1.2',
      })),
      startTcpServer(serveTls13Peer({ messages: [handshakeMessage(11, tls13List(list)), VERIFY] })).then((server) => ({
        what,
        list,
        readable,
        server,
        version: '1.3',
      })),
    ]),
  );
  await using cleanup = new AsyncDisposableStack();
  for (const { server } of cases) cleanup.use(server);

  const ran = await runCli(['check', '--json', '--verbose', ...cases.map(({ server }) => `127.0.0.1:${server.port}`)]);

  const report = JSON.parse(ran.stdout) as Report;
  for (const { what, list, readable, server, version } of cases) {
    const target = `127.0.0.1:${server.port}`;
    const location = `${target}@127.0.0.1`;
    const rows = report.certificates.filter((row) => row.location === location);
    expect({
      what,
      version: report.locations.find((one) => one.target === target)?.endpoint.tls_version,
      chain: report.locations.find((one) => one.target === target)?.endpoint.chain,
      read: rows.map((row) => [row.index, row.fingerprint_sha256]).toSorted(byNumber),
      unread: report.problems.filter((one) => one.location === location).map(({ place, reason }) => [place, reason]),
    }).toEqual({
      what,
      version,
      chain: list.map((der) => hash('sha256', der, 'hex')),
      read: [...readable].map(([index, { fingerprint }]) => [index, fingerprint]),
      unread: list.flatMap((der, index) =>
        [...readable.values()].some((one) => Buffer.compare(one.der, der) === 0)
          ? []
          : [[`chain/${index}`, 'malformed']],
      ),
    });
    const wire = report.locations.find((one) => one.target === target)?.transcript.join('\n');
    expect(wire).toContain(
      `\n< Certificate (11): ${list.length} certificates of ${list.map(({ length }) => length).join(', ')} octets\n`,
    );
    const ends = new Map(rows.map((row) => [row.fingerprint_sha256, row.not_after]));
    for (const { fingerprint } of [leaf, stranger, big]) {
      if (ends.has(fingerprint)) expect(ends.get(fingerprint)).toBe(notAfter.toISOString());
    }
    expect([...readable.values()].every(({ fingerprint }) => ends.get(fingerprint) !== null)).toBe(true);
  }
});

function byNumber([a]: readonly (string | number)[], [b]: readonly (string | number)[]): number {
  return Number(a) - Number(b);
}
