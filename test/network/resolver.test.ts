import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { parseHostsFile } from '../../src/network/hosts-file.ts';
import { candidates, parseResolvConf } from '../../src/network/resolv-conf.ts';
import { createResolver, type DnsOptions, type NameResolver } from '../../src/network/resolver.ts';
import { startDnsServer, type DnsServer } from '../helpers/dns-server.ts';

const never = new AbortController().signal;

describe('createResolver', () => {
  let folder: string;
  let dns: DnsServer;
  let now = 0;

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'notafter-resolver-'));
    now = 0;
    dns = await startDnsServer({});
  });
  afterEach(async () => {
    rmSync(folder, { recursive: true });
    await dns[Symbol.asyncDispose]();
  });

  function resolver(files: { hosts?: string; conf?: string; dns?: DnsOptions } = {}): NameResolver {
    writeFileSync(join(folder, 'hosts'), files.hosts ?? '');
    writeFileSync(join(folder, 'resolv.conf'), files.conf ?? '');
    return createResolver({
      nameServers: [dns.address],
      hostsFile: join(folder, 'hosts'),
      resolvConf: join(folder, 'resolv.conf'),
      now: () => now,
      ...files.dns,
    });
  }

  test('gives both families, IPv4 first, each address once', async () => {
    dns.zone = { 'api.example': { a: ['10.0.0.7', '10.0.0.8', '10.0.0.7'], aaaa: ['2001:db8::7'] } };
    const addresses = await resolver().resolve('API.example', never);
    expect(addresses.map(({ family }) => family)).toEqual([4, 4, 6]);
    expect(addresses.map(({ address }) => address).toSorted()).toEqual(['10.0.0.7', '10.0.0.8', '2001:db8::7']);
  });

  test('gives a literal address without asking anyone', async () => {
    await expect(resolver().resolve('2001:db8::1', never)).resolves.toEqual([{ address: '2001:db8::1', family: 6 }]);
    expect(dns.queries).toEqual([]);
  });

  test('looks into the hosts file first, and sees when it changes', async () => {
    dns.zone = { 'api.example': { a: ['10.9.9.9'] } };
    const subject = resolver({ hosts: '10.0.0.1 api.example # comment\n::1 api.example\n' });
    await expect(subject.resolve('api.example', never)).resolves.toEqual([
      { address: '10.0.0.1', family: 4 },
      { address: '::1', family: 6 },
    ]);

    writeFileSync(join(folder, 'hosts'), '10.0.0.22 api.example\n');
    now += 5_000;

    await expect(subject.resolve('api.example', never)).resolves.toEqual([{ address: '10.0.0.22', family: 4 }]);
    expect(dns.queries).toEqual([]);
  });

  test('knows localhost without a hosts file and without asking', async () => {
    rmSync(join(folder, 'hosts'), { force: true });
    const subject = resolver();
    rmSync(join(folder, 'hosts'));
    await expect(subject.resolve('localhost', never)).resolves.toEqual([{ address: '127.0.0.1', family: 4 }]);
    await expect(subject.resolve('db.localhost', never)).resolves.toEqual([{ address: '127.0.0.1', family: 4 }]);
    expect(dns.queries).toEqual([]);
  });

  test('walks the search list for a short name', async () => {
    dns.zone = { 'api.prod.internal': { a: ['10.0.0.5'] } };
    const subject = resolver({ conf: 'search dev.internal prod.internal\n' });
    await expect(subject.resolve('api', never)).resolves.toEqual([{ address: '10.0.0.5', family: 4 }]);
    expect(new Set(dns.queries)).toEqual(
      new Set(['A api.dev.internal', 'AAAA api.dev.internal', 'A api.prod.internal', 'AAAA api.prod.internal']),
    );
  });

  test('does not walk it for a name with a trailing dot', async () => {
    dns.zone = { 'api.internal': { a: ['10.0.0.5'] } };
    await expect(resolver({ conf: 'search internal\n' }).resolve('api.', never)).rejects.toMatchObject({
      reason: 'dns',
    });
  });

  test('goes on in the search list when one of its domains fails', async () => {
    dns.zone = { 'api.broken': { a: 'servfail', aaaa: 'servfail' }, 'api.good': { a: ['10.0.0.5'] } };
    const subject = resolver({ conf: 'search broken good\n' });
    await expect(subject.resolve('api', never)).resolves.toEqual([{ address: '10.0.0.5', family: 4 }]);
  });

  test('says that a name does not exist', async () => {
    await expect(resolver().resolve('nowhere.example', never)).rejects.toMatchObject({
      name: 'NetworkError',
      reason: 'dns',
      message: 'nowhere.example could not be resolved: there is no such name, or it has no address; check its spelling',
    });
  });

  test('says that the name servers failed', async () => {
    dns.zone = { 'api.example': { a: 'servfail', aaaa: 'servfail' } };
    await expect(resolver().resolve('api.example', never)).rejects.toMatchObject({
      reason: 'dns',
      message: expect.stringContaining('SERVFAIL'),
    });
  });

  test('ends at the signal when nobody answers', async () => {
    dns.zone = { 'api.example': { a: 'silence', aaaa: 'silence' } };
    const startedAt = performance.now();
    await expect(resolver().resolve('api.example', AbortSignal.timeout(100))).rejects.toMatchObject({ reason: 'dns' });
    expect(performance.now() - startedAt).toBeLessThan(1_000);
  });

  test('passes on the reason when the caller stops', async () => {
    dns.zone = { 'api.example': { a: 'silence', aaaa: 'silence' } };
    const controller = new AbortController();
    const pending = resolver().resolve('api.example', controller.signal);
    const stop = new Error('stopping');
    controller.abort(stop);
    await expect(pending).rejects.toBe(stop);
  });

  test('keeps an answer for its time to live, and asks once for many at the same time', async () => {
    dns.zone = { 'api.example': { a: ['10.0.0.1'], aaaa: [], ttl: 30 } };
    const subject = resolver();
    await Promise.all([1, 2, 3].map(() => subject.resolve('api.example', never)));
    now = 29_999;
    await subject.resolve('api.example', never);
    expect(dns.queries.filter((query) => query === 'A api.example')).toHaveLength(1);

    now = 30_000;
    dns.zone = { 'api.example': { a: ['10.0.0.2'], aaaa: [], ttl: 30 } };

    await expect(subject.resolve('api.example', never)).resolves.toEqual([{ address: '10.0.0.2', family: 4 }]);
  });

  test('keeps the addresses of a family whose name server fails while the other answers', async () => {
    dns.zone = { 'api.example': { a: ['10.0.0.1'], aaaa: ['2001:db8::1'], ttl: 30 } };
    const subject = resolver();
    await subject.resolve('api.example', never);

    now = 60_000;
    dns.zone = { 'api.example': { a: ['10.0.0.2'], aaaa: 'servfail', ttl: 30 } };
    await expect(subject.resolve('api.example', never)).resolves.toEqual([
      { address: '10.0.0.2', family: 4 },
      { address: '2001:db8::1', family: 6 },
    ]);

    now = 2 * 3_600_000;
    await expect(subject.resolve('api.example', never)).resolves.toEqual([{ address: '10.0.0.2', family: 4 }]);
  });

  test('lets an address go when the name servers say that it is gone', async () => {
    dns.zone = { 'api.example': { a: ['10.0.0.1'], aaaa: ['2001:db8::1'], ttl: 30 } };
    const subject = resolver();
    await subject.resolve('api.example', never);

    now = 60_000;
    dns.zone = { 'api.example': { a: ['10.0.0.1'], aaaa: [], ttl: 30 } };

    await expect(subject.resolve('api.example', never)).resolves.toEqual([{ address: '10.0.0.1', family: 4 }]);
  });

  describe('resolveService', () => {
    test('gives the places of a service, the preferred first', async () => {
      dns.zone = {
        '_ldaps._tcp.example.com': {
          srv: ['10 5 636 B.example.com', '10 50 1636 c.example.com', '0 0 636 a.example.com'],
        },
      };
      await expect(resolver().resolveService('_ldaps._tcp.Example.com', never)).resolves.toEqual([
        { host: 'a.example.com', port: 636 },
        { host: 'c.example.com', port: 1636 },
        { host: 'b.example.com', port: 636 },
      ]);
      expect(dns.queries).toEqual(['SRV _ldaps._tcp.example.com']);
    });

    test('tells a service that is decidedly not there from one that nobody knows', async () => {
      dns.zone = { '_imaps._tcp.example.com': { srv: ['0 0 0 .'] } };
      await expect(resolver().resolveService('_imaps._tcp.example.com', never)).resolves.toEqual([]);
      await expect(resolver().resolveService('_imap._tcp.example.com', never)).rejects.toMatchObject({
        reason: 'dns',
        message: '_imap._tcp.example.com has no SRV record; check its spelling, and the zone',
      });
    });
  });

  describe('the cache', () => {
    const count = (query: string): number => dns.queries.filter((asked) => asked === query).length;

    test('keeps no answer longer than it may, and "no such name" only briefly', async () => {
      dns.zone = { 'api.example': { a: ['10.0.0.1'], aaaa: [], ttl: 86_400 } };
      const subject = resolver({ dns: { maxTtlMs: 60_000, noneTtlMs: 2_000 } });
      await subject.resolve('api.example', never);
      await expect(subject.resolve('gone.example', never)).rejects.toMatchObject({ reason: 'dns' });
      now = 1_999;
      await expect(subject.resolve('gone.example', never)).rejects.toMatchObject({ reason: 'dns' });
      expect(count('A gone.example')).toBe(1);
      now = 2_000;
      await expect(subject.resolve('gone.example', never)).rejects.toMatchObject({ reason: 'dns' });
      expect(count('A gone.example')).toBe(2);
      now = 59_999;
      await subject.resolve('api.example', never);
      expect(count('A api.example')).toBe(1);
      now = 60_000;
      await subject.resolve('api.example', never);
      expect(count('A api.example')).toBe(2);
    });

    test('asks at most once a second for an answer that wants to be asked for every time, unless there is no cache', async () => {
      dns.zone = { 'api.example': { a: ['10.0.0.1'], aaaa: ['2001:db8::1'], ttl: 0 } };
      const subject = resolver();
      for (now = 0; now < 1_000; now += 250) await subject.resolve('api.example', never);
      expect(count('A api.example')).toBe(1);
      const without = resolver({ dns: { maxTtlMs: 0 } });
      for (let times = 0; times < 3; times++) await without.resolve('api.example', never);
      expect(count('A api.example')).toBe(4);
    });

    test('holds no more answers than it may: the oldest go', async () => {
      dns.zone = Object.fromEntries(['a', 'b', 'c'].map((name) => [`${name}.example`, { a: ['10.0.0.1'], aaaa: [] }]));
      // Two for each name.
      const subject = resolver({ dns: { cacheSize: 4 } });
      for (const name of ['a', 'b', 'c']) await subject.resolve(`${name}.example`, never);
      await subject.resolve('c.example', never);
      await subject.resolve('b.example', never);
      expect([count('A b.example'), count('A c.example')]).toEqual([1, 1]);
      await subject.resolve('a.example', never);
      expect(count('A a.example')).toBe(2);
    });

    test('keeps no failure: the next look asks again', async () => {
      dns.zone = { 'api.example': { a: 'servfail', aaaa: 'servfail' } };
      const subject = resolver();
      await expect(subject.resolve('api.example', never)).rejects.toMatchObject({ reason: 'dns' });
      dns.zone = { 'api.example': { a: ['10.0.0.1'], aaaa: [] } };
      await expect(subject.resolve('api.example', never)).resolves.toEqual([{ address: '10.0.0.1', family: 4 }]);
    });
  });

  test('gives up by its own deadline when nobody answers', async () => {
    dns.zone = { 'api.example': { a: 'silence', aaaa: 'silence' } };
    await expect(resolver({ dns: { timeoutMs: 50 } }).resolve('api.example', never)).rejects.toMatchObject({
      reason: 'dns',
      message: 'api.example could not be resolved: the name servers did not answer; check the DNS of this machine',
    });
  });

  test('uses the name servers of resolv.conf when none are given', async () => {
    writeFileSync(join(folder, 'resolv.conf'), 'nameserver 127.99.99.99\n');
    const subject = createResolver({
      hostsFile: join(folder, 'no-such-file'),
      resolvConf: join(folder, 'resolv.conf'),
      now: () => now,
    });
    // Nothing listens on port 53 there, and that is what it says.
    await expect(subject.resolve('api.example', never)).rejects.toMatchObject({
      message: expect.stringContaining('the name servers could not be contacted'),
    });
  });
});

describe('parseHostsFile', () => {
  test('skips comments, junk and doubles, and keeps the order', () => {
    const file = parseHostsFile(
      '# c\n127.0.0.1\tlocalhost LOCAL\n\nnonsense host\n::1 localhost\n127.0.0.1 localhost\r\n',
    );
    expect([...file]).toEqual([
      [
        'localhost',
        [
          { address: '127.0.0.1', family: 4 },
          { address: '::1', family: 6 },
        ],
      ],
      ['local', [{ address: '127.0.0.1', family: 4 }]],
    ]);
  });
});

describe('parseResolvConf', () => {
  test('reads servers, the last search list and ndots', () => {
    expect(
      parseResolvConf(
        '; c\nnameserver 10.0.0.53\nnameserver fe80::1%eth0\nnameserver junk\ndomain a.example\nsearch B.example. c.example\noptions rotate ndots:5 timeout:1\n',
      ),
    ).toEqual({ servers: ['10.0.0.53', 'fe80::1%eth0'], search: ['b.example', 'c.example'], dots: 5 });
  });

  test.each([
    ['api', 1, ['api.x', 'api.y', 'api']],
    ['api.prod', 1, ['api.prod', 'api.prod.x', 'api.prod.y']],
    ['api.prod', 5, ['api.prod.x', 'api.prod.y', 'api.prod']],
  ])('tries %s with ndots:%i in the order of the C library', (name, dots, expected) => {
    expect(candidates(name, false, { servers: [], search: ['x', 'y'], dots })).toEqual(expected);
  });
});
