import { execFile, execFileSync } from 'node:child_process';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { file } from '../../../collectors/file/index.ts';
import type { CollectorInstance, Known } from '../../../src/plugin/collector.ts';
import type { Observation } from '../../../src/plugin/observation.ts';
import { collect, deafContext, NOTHING_KNOWN } from '../../contract/collector.ts';
import { createAuthority, createCrl, selfSigned } from '../../helpers/pki.ts';

const never = new AbortController().signal;
const root = createAuthority({ name: 'Root' });
const intermediate = createAuthority({ name: 'Intermediate', parent: root });
const leaf = intermediate.issue({ names: ['pay.example'] });
const crl = createCrl(root);

let folder: string;
beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'notafter-file-')));
  chmodSync(folder, 0o755);
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Writes a file below the folder of the test and gives its path. */
function write(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
  return path;
}

async function create(options: object): Promise<CollectorInstance> {
  return file.create(file.options.parse(options), deafContext());
}

async function lookWith(instance: CollectorInstance, known: Known = NOTHING_KNOWN): Promise<Observation[]> {
  const observations: Observation[] = [];
  for (const target of await collect(instance.discover(never))) {
    observations.push(...(await collect(instance.observe(target, known, never))));
  }
  return observations;
}

/** One look at everything. */
async function look(paths: readonly string[], more: object = {}): Promise<Observation[]> {
  return lookWith(await create({ paths, ...more }));
}

/** What a host knows after these observations. */
function knowing(observations: readonly Observation[]): Known {
  const versions = new Map(observations.map(({ location, version }) => [location, version]));
  return { version: (location) => versions.get(location), checkpoint: undefined };
}

/** Paths below the folder of the test, with what was found. */
function summary(observations: readonly Observation[]): readonly string[] {
  return observations.map(({ location, items, problems }) => {
    const what = [
      ...items.map(({ role }) => role),
      ...problems.map(({ reason, place }) => (place === undefined ? `!${reason}` : `!${reason}@${place}`)),
    ];
    return `${location === folder ? '.' : location.slice(folder.length + 1)}: ${what.join(' ')}`;
  });
}

describe('the content of a file', () => {
  test('gives every certificate and CRL with its place, its number and its role', async () => {
    const path = write('bundle.pem', `# comment\n${leaf.keyPem}${leaf.chainPem}${root.certificate.pem}${crl.pem}`);

    const [observation, ...others] = await look([path]);

    expect(others).toEqual([]);
    expect(observation).toEqual({
      location: path,
      version: expect.any(String),
      items: [
        {
          kind: 'certificate',
          der: leaf.der,
          parsed: expect.objectContaining({ fingerprint: leaf.fingerprint }),
          place: { key: 'certificate', index: 1 },
          role: 'server',
          key: { at: path, match: 'yes' },
        },
        {
          kind: 'certificate',
          der: intermediate.certificate.der,
          parsed: expect.objectContaining({ fingerprint: intermediate.certificate.fingerprint }),
          place: { key: 'certificate', index: 2 },
          role: 'intermediate',
        },
        {
          kind: 'certificate',
          der: root.certificate.der,
          parsed: expect.objectContaining({ fingerprint: root.certificate.fingerprint }),
          place: { key: 'certificate', index: 3 },
          role: 'trust-anchor',
        },
        { kind: 'crl', der: crl.der, place: { key: 'crl', index: 4 }, role: 'issuer' },
      ],
      problems: [],
    });
  });

  test.each([
    ['server', ['serverAuth', 'clientAuth']],
    ['client', ['clientAuth']],
    ['server', []],
    ['signer', ['1.3.6.1.5.5.7.3.3']],
  ] as const)('makes a %s of a certificate with the usages %j', async (role, extendedKeyUsage) => {
    const path = write('c.crt', root.issue({ extendedKeyUsage }).der);
    expect(summary(await look([path]))).toEqual([`c.crt: ${role}`]);
  });

  test('counts, and not the name', async () => {
    write('names/readme', leaf.pem);
    write('names/cert.png', leaf.der);
    write('names/crl.pem', crl.pem);
    write('names/picture.jpg', Buffer.from('ffd8ffe000104a46', 'hex'));
    write('names/notes.txt', 'hello');
    expect(summary(await look([folder]))).toEqual([
      'names/cert.png: server',
      'names/crl.pem: issuer',
      'names/readme: server',
    ]);
  });

  test('gives what is good in a file with a broken part, and names the part', async () => {
    const path = write('bundle.pem', `${leaf.pem}-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n`);
    const [observation] = await look([path]);
    expect(observation?.items).toHaveLength(1);
    expect(observation?.problems).toEqual([
      { reason: 'malformed', place: 'certificate', detail: expect.stringContaining(`${path}: CERTIFICATE in line`) },
    ]);
  });

  test.each([
    ['empty.pem', '', 'empty', /the file is empty/],
    ['blank.crt', ' \n\n', 'empty', /the file is empty/],
    ['cut.pem', leaf.pem.slice(0, 200), 'malformed', /cut off or damaged/],
    ['cut.der', leaf.der.subarray(0, 300), 'malformed', /cut off or damaged/],
    ['text.crt', 'this is no certificate', 'malformed', /neither PEM nor DER/],
    ['store.jks', Buffer.from('feedfeed00000002', 'hex'), 'malformed', /the Java keystore is cut off or damaged/],
  ])('is a failure of %s, named or met in a walk', async (name, content, reason, detail) => {
    const path = write(name, content);
    const failure = [
      {
        location: path,
        items: [],
        problems: [expect.objectContaining({ reason, detail: expect.stringMatching(detail) })],
      },
    ];
    expect(await look([path])).toEqual(failure);
    const walked = await look([folder]);
    expect(walked).toEqual(failure);
    expect(walked[0]?.problems[0]?.place).toBeUndefined();
  });

  test('is told of a keystore whatever its name', async () => {
    write('truststore', Buffer.from('feedfeed00000002', 'hex'));
    expect(summary(await look([folder]))).toEqual(['truststore: !malformed']);
  });

  test.each([
    ['privkey.pem', leaf.keyPem, 'holds a private key and no certificate'],
    ['key.der', leaf.key.export({ type: 'pkcs8', format: 'der' }), 'holds a private key and no certificate'],
    [
      'public.pem',
      '-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA\n-----END PUBLIC KEY-----\n',
      'holds no certificate and no CRL',
    ],
    [
      'dhparam.pem',
      '-----BEGIN DH PARAMETERS-----\nMAYCAQMCAQI=\n-----END DH PARAMETERS-----\n',
      'holds no certificate and no CRL',
    ],
  ])(
    'is passed over in a walk when %s holds no certificate, and told when it is named',
    async (name, content, detail) => {
      const path = write(name, content);
      expect(await look([folder])).toEqual([]);
      expect(await look([path])).toEqual([
        { location: path, items: [], problems: [{ reason: 'empty', detail: `${path} ${detail}` }] },
      ]);
    },
  );

  test('is not read beyond max_bytes', async () => {
    const path = write('large.pem', leaf.pem);
    write('large.log', 'x'.repeat(leaf.pem.length));
    const size = leaf.pem.length;
    expect(summary(await look([folder], { max_bytes: size - 1 }))).toEqual(['large.pem: !too_large']);
    expect(summary(await look([path], { max_bytes: size }))).toEqual(['large.pem: server']);
  });

  test('is read to its end though it reports no size', async () => {
    // A file of the kernel has content and says that it is empty.
    expect(await look(['/proc/self/status'])).toEqual([
      { location: '/proc/self/status', items: [], problems: [expect.objectContaining({ reason: 'malformed' })] },
    ]);
    expect(await look(['/proc/self/status'], { max_bytes: 100 })).toEqual([
      { location: '/proc/self/status', items: [], problems: [expect.objectContaining({ reason: 'too_large' })] },
    ]);
  });
});

describe('a walk', () => {
  test('finds files in the order of their names, below every folder', async () => {
    for (const name of ['b/z.pem', 'b/a/1.pem', 'a.pem', '.hidden/h.pem', 'c.pem']) write(name, leaf.pem);
    expect(summary(await look([folder]))).toEqual([
      'a.pem: server',
      'c.pem: server',
      '.hidden/h.pem: server',
      'b/z.pem: server',
      'b/a/1.pem: server',
    ]);
    expect(summary(await look([folder], { recursive: false }))).toEqual(['a.pem: server', 'c.pem: server']);
  });

  test('follows symbolic links, enters a folder once, and gets out of loops', async () => {
    write('real/a.pem', leaf.pem);
    symlinkSync('real', join(folder, 'alias'));
    symlinkSync('..', join(folder, 'real/up'));
    symlinkSync('a.pem', join(folder, 'real/link.pem'));
    expect(summary(await look([folder]))).toEqual(['real/a.pem: server', 'real/link.pem: server']);
    expect(summary(await look([join(folder, 'alias')]))).toEqual([
      'alias/a.pem: server',
      'alias/link.pem: server',
      'alias/up: !unsupported',
    ]);
  });

  test.each([
    ['/proc', /is a symbolic link to \/proc, which is not entered from here; exclude the link/],
    ['/dev/pts', /\/dev\/pts, which is not entered/],
    ['/', /is a symbolic link to \/, which is not entered/],
  ])('does not leave through a link to %s, and says so', async (target, detail) => {
    write('a.pem', leaf.pem);
    symlinkSync(target, join(folder, 'out'));
    const observations = await look([folder]);
    expect(summary(observations)).toEqual(['a.pem: server', 'out: !unsupported']);
    expect(observations[1]?.problems[0]?.detail).toMatch(detail);
    expect(summary(await look([folder], { exclude: ['out'] }))).toEqual(['a.pem: server']);
  });

  test('shows what certbot keeps live, which are links out of the folder', async () => {
    for (const name of ['cert1.pem', 'chain1.pem']) write(`archive/pay/${name}`, leaf.pem);
    mkdirSync(join(folder, 'live/pay'), { recursive: true });
    symlinkSync('../../archive/pay/cert1.pem', join(folder, 'live/pay/cert.pem'));
    expect(summary(await look([join(folder, 'live')]))).toEqual(['live/pay/cert.pem: server']);
  });

  test('shows each file of a Kubernetes volume once', async () => {
    write('..2026_11_23/tls.crt', leaf.chainPem);
    symlinkSync('..2026_11_23', join(folder, '..data'));
    symlinkSync('..data/tls.crt', join(folder, 'tls.crt'));
    expect(summary(await look([folder]))).toEqual(['tls.crt: server intermediate']);
  });

  test('reports links that lead nowhere where a certificate is expected', async () => {
    symlinkSync('gone.pem', join(folder, 'server.pem'));
    symlinkSync('self.pem', join(folder, 'self.pem'));
    symlinkSync('gone', join(folder, 'other'));
    const observations = await look([folder]);
    expect(summary(observations)).toEqual(['self.pem: !not_found', 'server.pem: !not_found']);
    expect(observations[1]?.problems[0]?.detail).toBe(
      `${join(folder, 'server.pem')} is a symbolic link to something that does not exist`,
    );
  });

  test('leaves out what is excluded, by name or by path, with all below', async () => {
    for (const name of ['a.pem', 'a.csr.pem', 'old/b.pem', 'x/old/c.pem', 'x/d.pem']) write(name, leaf.pem);
    expect(summary(await look([folder], { exclude: ['*.csr.pem', join(folder, 'old')] }))).toEqual([
      'a.pem: server',
      'x/d.pem: server',
      'x/old/c.pem: server',
    ]);
    expect(summary(await look([folder], { exclude: ['old'] }))).toEqual([
      'a.csr.pem: server',
      'a.pem: server',
      'x/d.pem: server',
    ]);
    expect(summary(await look([folder], { exclude: ['**/x/*.pem', '**/old/**'] }))).toEqual([
      'a.csr.pem: server',
      'a.pem: server',
    ]);
  });

  test('passes over what is no regular file, and refuses it when it is named', { timeout: 5_000 }, async () => {
    execFileSync('mkfifo', [join(folder, 'pipe.pem')]);
    const server = createServer().listen(join(folder, 'socket.pem'));
    await new Promise((resolve) => {
      server.once('listening', resolve);
    });
    try {
      expect(await look([folder])).toEqual([]);
      const named = await look([join(folder, 'pipe.pem'), join(folder, 'socket.pem'), '/dev/zero']);
      expect(named.map(({ problems }) => problems)).toEqual([
        [
          {
            reason: 'unsupported',
            detail: `${join(folder, 'pipe.pem')} is a FIFO, not a regular file; it is not opened`,
          },
        ],
        [
          {
            reason: 'unsupported',
            detail: `${join(folder, 'socket.pem')} is a socket, not a regular file; it is not opened`,
          },
        ],
        [{ reason: 'unsupported', detail: '/dev/zero is a device, not a regular file; it is not opened' }],
      ]);
    } finally {
      server.close();
    }
  });

  test('lets others have their turn, and stops when it is told to', async () => {
    for (let index = 0; index < 600; index++) write(`d${index % 7}/${index}.pem`, leaf.chainPem);
    const controller = new AbortController();
    const stop = new Error('stopping');
    const instance = await create({ paths: [folder] });
    const seen: string[] = [];
    let turns = 0;
    const timer = setInterval(() => {
      turns += 1;
      if (turns === 3) controller.abort(stop);
    }, 0);
    async function run(): Promise<void> {
      for await (const { location } of instance.observe(
        { key: folder, data: { path: folder } },
        NOTHING_KNOWN,
        controller.signal,
      )) {
        seen.push(location);
      }
    }
    await expect(run()).rejects.toBe(stop);
    clearInterval(timer);
    expect(seen.length).toBeGreaterThan(0);
    expect(seen.length).toBeLessThan(600);
  });
});

describe('a configured path', () => {
  test('may be relative, and gives absolute locations', async () => {
    const path = write('a.pem', leaf.pem);
    const relative = join(
      process
        .cwd()
        .replace(/\/[^/]+/g, '/..')
        .slice(1),
      path,
    );
    expect((await look([relative])).map(({ location }) => location)).toEqual([path]);
  });

  test.each([
    ['*.pem', ['a.pem']],
    ['?/*.pem', ['x/b.pem']],
    ['x/*/c.{pem,crt}', ['x/y/c.crt', 'x/y/c.pem']],
    ['**/*.crt', ['x/y/c.crt']],
    ['x/**', ['x/b.pem', 'x/y/c.crt', 'x/y/c.pem']],
    ['[xz]', ['x/b.pem', 'x/y/c.crt', 'x/y/c.pem']],
    ['{x/y,other}/*.pem', ['x/y/c.pem']],
  ])('may be the pattern %s', async (pattern, expected) => {
    for (const name of ['a.pem', 'x/b.pem', 'x/y/c.pem', 'x/y/c.crt', 'other.txt']) write(name, leaf.pem);
    const locations = (await look([join(folder, pattern)])).map(({ location }) => location.slice(folder.length + 1));
    expect(locations.toSorted()).toEqual(expected);
  });

  test('may hold the signs of a pattern in its name', async () => {
    const path = write('we[i]rd{1}.pem', leaf.pem);
    expect((await look([path])).map(({ location }) => location)).toEqual([path]);
  });

  test('is a target of its own, once', async () => {
    const instance = await create({ paths: ['/etc/ssl', 'b.pem', '/etc/ssl'] });
    expect(await collect(instance.discover(never))).toEqual([
      { key: '/etc/ssl', data: { path: '/etc/ssl' } },
      { key: 'b.pem', data: { path: 'b.pem' } },
    ]);
  });

  test.each([
    ['no-such.pem', /no-such\.pem does not exist; check the path, and that it is mounted here$/],
    ['no-such/folder', /does not exist/],
    ['a.pem/below', /does not exist/],
    ['*.crt', /\*\.crt matches nothing; check the pattern, and that its folder is there$/],
    ['no-such/*/x.pem', /matches nothing/],
  ])('is a failure of the whole target when %s is not there', async (name, message) => {
    write('a.pem', leaf.pem);
    await expect(look([join(folder, name)])).rejects.toMatchObject({
      name: 'CollectError',
      reason: 'not_found',
      message: expect.stringMatching(message),
    });
  });

  test('that is an empty folder is no failure', async () => {
    expect(await look([folder])).toEqual([]);
  });
});

describe('a second look', () => {
  test('does not read what did not change', async () => {
    write('a.pem', leaf.pem);
    const first = await look([folder]);
    const again = await lookWith(await create({ paths: [folder] }), knowing(first));
    expect(again).toEqual([
      { location: first[0]?.location, version: first[0]?.version, unchanged: true, items: [], problems: [] },
    ]);
  });

  test.each([
    ['it was written in place', (path: string) => writeFileSync(path, selfSigned().pem)],
    ['another file took its place', (path: string) => renameSync(write('new', selfSigned().pem), path)],
    [
      'other content of the same size has the old time of modification',
      (path: string) => {
        const before = readFileSync(path, 'utf8');
        utimesSync(path, 1_700_000_000, 1_700_000_000);
        writeFileSync(path, before.replace('# 1', '# 2'));
        utimesSync(path, 1_700_000_000, 1_700_000_000);
      },
    ],
  ])('reads a file again when %s', async (_why, change) => {
    const path = write('a.pem', `# 1\n${leaf.pem}`);
    utimesSync(path, 1_700_000_000, 1_700_000_000);
    const instance = await create({ paths: [path] });
    const first = await lookWith(instance);
    change(path);
    const [observation] = await lookWith(instance, knowing(first));
    expect(observation?.unchanged).toBeUndefined();
    expect(observation?.items).toHaveLength(1);
  });

  test('does not yield what is gone', async () => {
    const path = write('a.pem', leaf.pem);
    write('b.pem', leaf.pem);
    const instance = await create({ paths: [folder] });
    const first = await lookWith(instance);
    rmSync(path);
    expect(summary(await lookWith(instance, knowing(first)))).toEqual(['b.pem: ']);
  });

  test('sees that a file which held nothing holds a certificate now', async () => {
    const path = write('data', 'hello');
    const instance = await create({ paths: [folder] });
    expect(await lookWith(instance)).toEqual([]);
    expect(await lookWith(instance)).toEqual([]);
    writeFileSync(path, leaf.pem);
    expect(summary(await lookWith(instance))).toEqual(['data: server']);
  });

  test('reports a file that breaks though its name promises nothing, and goes on reporting it', async () => {
    const path = write('data', leaf.pem);
    const instance = await create({ paths: [folder] });
    await lookWith(instance);
    writeFileSync(path, '');
    expect(summary(await lookWith(instance))).toEqual(['data: !empty']);
    expect(summary(await lookWith(instance))).toEqual(['data: !empty']);
  });
});

describe('without permission', () => {
  /** A look by a user who owns nothing; this process may be allowed everything. */
  async function lookAsNobody(paths: readonly string[]): Promise<unknown> {
    const program = `
      import { file } from ${JSON.stringify(new URL('../../../collectors/file/index.ts', import.meta.url).href)};
      import { createParser } from ${JSON.stringify(new URL('../../../src/look/parse.ts', import.meta.url).href)};
      const [paths] = JSON.parse(process.argv[1]);
      const context = { clock: { now: Date.now }, parse: createParser() };
      const instance = await file.create(file.options.parse({ paths }), context);
      const seen = [];
      try {
        for await (const target of instance.discover(AbortSignal.timeout(9999))) {
          for await (const one of instance.observe(target, { version: () => undefined }, AbortSignal.timeout(9999))) {
            seen.push([one.location, one.items.length, ...one.problems.map(({ reason }) => reason)]);
          }
        }
        process.stdout.write(JSON.stringify(seen));
      } catch (error) {
        process.stdout.write(JSON.stringify([error.name, error.reason, error.message]));
      }
    `;
    const identity = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['--input-type=module', '-e', program, JSON.stringify([paths])],
      {
        ...identity,
        cwd: '/',
      },
    );
    return JSON.parse(stdout);
  }

  test('reports folders and files that it may not read, keys excepted, and reads the rest', async () => {
    const good = write('good.pem', leaf.pem);
    const unread = ['secret.pem', 'plain', 'server.key'].map((name) => write(name, leaf.pem));
    for (const path of unread) chmodSync(path, 0o000);
    write('private/inner.pem', leaf.pem);
    chmodSync(join(folder, 'private'), 0o000);

    expect(await lookAsNobody([folder])).toEqual([
      [good, 1],
      [unread[1], 0, 'permission_denied'],
      [unread[0], 0, 'permission_denied'],
      [join(folder, 'private'), 0, 'permission_denied'],
    ]);
    expect(await lookAsNobody([join(folder, 'server.key')])).toEqual([[unread[2], 0, 'permission_denied']]);
  });

  test('fails as a whole when the configured path cannot be reached', async () => {
    const path = write('private/inner.pem', leaf.pem);
    chmodSync(join(folder, 'private'), 0o000);
    expect(await lookAsNobody([path])).toEqual([
      'CollectError',
      'permission_denied',
      `${path} cannot be read: permission denied; allow the user of notafter to read it, or exclude it`,
    ]);
  });
});
