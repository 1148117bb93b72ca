import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { linesOf, runCli, type Ran } from '../helpers/cli.ts';
import { createCrl, selfSigned, type TestCertificate } from '../helpers/pki.ts';
import { createStage, SCENARIOS, type Staged } from '../helpers/scenarios.ts';
import { closedPort, startTlsServer, type RunningTls } from '../helpers/servers.ts';

const DAY_MS = 86_400_000;

interface Report {
  readonly locations: readonly (Record<string, unknown> & {
    target: string;
    location: string;
    endpoint: (Record<string, unknown> & { chain: readonly string[] }) | null;
  })[];
  readonly certificates: readonly (Record<string, unknown> & {
    location: string;
    not_after: string | null;
    days_left: number | null;
  })[];
  readonly crls: readonly Record<string, unknown>[];
  readonly credentials: readonly Record<string, unknown>[];
  readonly problems: readonly Record<string, unknown>[];
  readonly findings: readonly (Record<string, unknown> & {
    rule: string;
    severity: string;
    locations: readonly string[];
  })[];
}

const report = (ran: Ran): Report => JSON.parse(ran.stdout) as Report;
const keysOf = (values: readonly object[]): readonly string[] => [
  ...new Set(values.map((value) => Object.keys(value).join(' '))),
];

const folder = mkdtempSync(path.join(tmpdir(), 'notafter-check-'));
const stage = createStage(path.join(folder, 'files'));
const staged = new Map<string, Staged>();
const servers: RunningTls[] = [];
const target = (name: string): string => staged.get(name)?.target ?? '';
let refusing: string;

beforeAll(async () => {
  for (const scenario of SCENARIOS) staged.set(scenario.name, await scenario.stage(stage));
  refusing = `127.0.0.1:${await closedPort()}`;
});

afterAll(async () => {
  for (const one of staged.values()) await one.close();
  for (const server of servers) await server.close();
  rmSync(folder, { recursive: true, force: true });
});

async function serve(certificate: TestCertificate): Promise<string> {
  const server = await startTlsServer(certificate);
  servers.push(server);
  return `127.0.0.1:${server.port}`;
}

describe('check --json of every situation', () => {
  let ran: Ran;
  let found: Report;
  let doubled: string;
  let crl: string;

  beforeAll(async () => {
    const leaf = stage.intermediate.issue({
      names: ['doubled.lab.test'],
      notAfter: new Date(Date.now() + 80 * DAY_MS),
    });
    doubled = await serve({
      ...leaf,
      chainPem: leaf.chainPem + stage.intermediate.certificate.pem + stage.root.certificate.pem,
    });
    crl = path.join(folder, 'list.crl');
    writeFileSync(crl, createCrl(stage.root).pem);
    ran = await runCli([
      'check',
      '--json',
      ...SCENARIOS.map((scenario) => target(scenario.name)),
      refusing,
      doubled,
      crl,
    ]);
    found = report(ran);
  });

  test.each(SCENARIOS)('$name: $what', ({ name, kind, finding, reason }) => {
    const of = target(name);
    const [location, ...others] = found.locations.filter((one) => one.target === of);
    const said = found.findings.filter(({ locations }) => locations.includes(location?.location ?? ''));

    expect(others).toEqual([]);
    expect(location).toMatchObject({
      source: 'check',
      type: kind,
      target: of,
      ok: reason === undefined,
      reason: reason ?? null,
    });
    expect(location?.location).toBe(kind === 'file' ? of : `${of}@127.0.0.1`);
    if (finding === undefined) expect(said.filter(({ severity }) => severity !== 'info')).toEqual([]);
    else expect(said.map(({ rule, severity }) => ({ rule, severity }))).toContainEqual(finding);
    if (reason !== undefined) {
      expect(found.problems).toContainEqual(
        expect.objectContaining({ location: location?.location, place: null, reason }),
      );
    }
  });

  test('has exactly the promised keys, with null where there is no value', () => {
    expect(Object.keys(found)).toEqual(['locations', 'certificates', 'crls', 'credentials', 'problems', 'findings']);
    expect(keysOf(found.locations)).toEqual(['source type target location ok reason endpoint']);
    expect(keysOf(found.locations.flatMap(({ endpoint }) => endpoint ?? []))).toEqual([
      'address port server_name proxy protocol handshake fallback tls_version cipher group alpn requests_client_certificate acceptable_issuers verdicts possession chain leaf_not_after served_min_not_after best_path_not_after effective_not_after limited_by',
    ]);
    expect(keysOf(found.certificates)).toEqual([
      'fingerprint_sha256 subject issuer serial names not_before not_after not_after_status days_left role source location place index',
    ]);
    expect(keysOf(found.crls)).toEqual(['issuer this_update next_update location place']);
    expect(found.credentials).toEqual([]);
    expect(keysOf(found.problems)).toEqual(['location place reason detail']);
    expect(keysOf(found.findings)).toEqual(['rule family severity cause locations summary']);
    expect(found.locations.find((one) => one.target === refusing)).toMatchObject({
      ok: false,
      reason: 'refused',
      endpoint: {
        tls_version: null,
        server_name: null,
        requests_client_certificate: null,
        chain: [],
        leaf_not_after: null,
        limited_by: null,
      },
    });
    expect(found.locations.filter(({ type }) => type === 'file').map(({ endpoint }) => endpoint)).toEqual([
      null,
      null,
      null,
      null,
      null,
      null,
    ]);
  });

  test('describes a server as it showed itself', () => {
    const { certificate } = staged.get('mutual') ?? {};
    const { endpoint } = found.locations.find((one) => one.target === target('mutual')) ?? {};
    expect(endpoint).toMatchObject({
      address: '127.0.0.1',
      handshake: 'hello',
      tls_version: '1.3',
      requests_client_certificate: true,
      acceptable_issuers: ['CN=Lab Root CA'],
      verdicts: [],
      chain: [certificate?.fingerprint, stage.intermediate.certificate.fingerprint],
      limited_by: certificate?.fingerprint,
    });
    expect(endpoint?.['effective_not_after']).toBe(endpoint?.['leaf_not_after']);
  });

  test('gives the chain as it was served, with what is there twice; the rows name each certificate once', () => {
    const { location, endpoint } = found.locations.find((one) => one.target === doubled) ?? {};
    const intermediate = stage.intermediate.certificate.fingerprint;
    expect(endpoint?.chain.slice(1)).toEqual([intermediate, intermediate, stage.root.certificate.fingerprint]);
    expect(
      found.certificates
        .filter((one) => one.location === location)
        .map(({ role, place, index }) => [role, place, index]),
    ).toEqual([
      ['server', 'chain', 0],
      ['intermediate', 'chain', 1],
      ['trust-anchor', 'chain', 3],
    ]);
  });

  test('gives a certificate as it is', () => {
    const { certificate } = staged.get('ending') ?? {};
    expect(found.certificates.find((one) => one['fingerprint_sha256'] === certificate?.fingerprint)).toEqual({
      fingerprint_sha256: certificate?.fingerprint,
      subject: 'CN=ending.lab.test',
      issuer: 'CN=Lab Issuing CA',
      serial: expect.stringMatching(/^[0-9A-F]+$/),
      names: ['ending.lab.test', 'localhost', '127.0.0.1'],
      not_before: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000Z$/),
      not_after: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000Z$/),
      not_after_status: 'known',
      days_left: 4,
      role: 'server',
      source: 'check',
      location: `${target('ending')}@127.0.0.1`,
      place: 'chain',
      index: 0,
    });
  });

  test('gives a CRL', () => {
    expect(found.crls).toEqual([
      {
        issuer: 'CN=Lab Root CA',
        this_update: expect.any(String),
        next_update: expect.any(String),
        location: crl,
        place: expect.any(String),
      },
    ]);
  });

  test('keeps the order of the command line', () => {
    expect(found.locations.map((one) => one.target)).toEqual([
      ...SCENARIOS.map((scenario) => target(scenario.name)),
      refusing,
      doubled,
      crl,
    ]);
  });

  test('says on stderr which targets gave nothing, and exits with the worst', () => {
    const silent = ['silent', 'not-tls', 'file-empty', 'file-broken'].map(target);
    expect(
      ran.stderr
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => silent.concat(refusing).find((one) => line.startsWith(`notafter: ${one}`))),
    ).toEqual([...silent, refusing]);
    expect(ran.exitCode).toBe(2);
  });
});

describe('the exit code', () => {
  test.each([
    ['0 when all is well', ['valid', 'file-valid'], [], 0],
    ['1 for a warning', ['valid', 'renewing'], [], 1],
    ['1 for a warning beside a target that gives nothing', ['renewing', 'file-empty'], [], 1],
    ['2 for what is critical beside a target that gives nothing', ['file-ending', 'file-empty', 'renewing'], [], 2],
    ['3 for a target that gives nothing beside one that is well', ['valid', 'file-empty'], [], 3],
  ])('is %s', async (_name, names, more, exitCode) => {
    expect((await runCli(['check', ...names.map(target), ...more])).exitCode).toBe(exitCode);
  });
});

describe('check for people', () => {
  test('shows what ends first, what is wrong, what to do, and the sum of it', async () => {
    const { stdout, stderr } = await runCli([
      'check',
      ...['valid', 'renewing', 'file-ending', 'file-empty', 'mutual'].map(target),
      refusing,
    ]);
    const lines = stdout.split('\n');

    expect(stderr).toBe('');
    expect(lines[0]).toMatch(/^STATE\s+ENDS \(UTC\)\s+IN\s+ROLE\s+NAME\s+WHERE$/);
    expect(lines[1]).toMatch(
      /^critical {2}\d{4}-\d\d-\d\d \d\d:\d\d {2}2 days +client +reporting +\S+file-ending\.pem$/,
    );
    expect(lines[2]).toMatch(
      /^warning {3}\d{4}-\d\d-\d\d \d\d:\d\d {2}14 days +server +renewing\.lab\.test +127\.0\.0\.1:\d+$/,
    );
    expect(stdout).toMatch(/^ok .* intermediate +Lab Issuing CA +127\.0\.0\.1:\d+ \(\+2\)$/m);
    expect(stdout).toMatch(
      /^127\.0\.0\.1:\d+@127\.0\.0\.1: TLS 1\.3, TLS_\w+, .*asks for a client certificate from CN=Lab Root CA$/m,
    );
    expect(stdout).toMatch(/^critical: expiring {2}reporting .*ends in 2 days/m);
    expect(stdout).toMatch(/^ {2}1\. \S/m);
    expect(stdout).toMatch(new RegExp(`^unknown: ${target('file-empty')}: \\S`, 'm'));
    expect(stdout).toMatch(new RegExp(`^unknown: ${refusing}: \\S`, 'm'));
    expect(lines.filter((line) => line.includes(refusing))).toHaveLength(1);
    expect(lines.at(-2)).toBe(
      '5 certificates at 4 locations: 1 critical, 1 warning. Next to end: reporting, in 2 days.',
    );
  });

  test('says of nonsense in one line that it is', async () => {
    const said: readonly (readonly [word: string, line: RegExp])[] = [
      ['nonsense.invalid', /^unknown: nonsense\.invalid could not be resolved/],
      ['nosuch.pem', /^unknown: \S+nosuch\.pem does not exist/],
      ['gopher://x', /^unknown: gopher:\/\/x: .*scheme/],
      ['smtp://nonsense.invalid', /^unknown: smtp:\/\/nonsense\.invalid: nonsense\.invalid could not be resolved/],
      ['exa mple', /^unknown: "exa mple" is not a target/],
      ['', /^unknown: "" is not a target/],
    ];
    const ran = await runCli(['check', ...said.map(([word]) => word)], folder);
    expect(linesOf(ran)).toEqual(said.map(([, line]) => expect.stringMatching(line)));
    expect(ran.exitCode).toBe(3);
  });

  test('keeps hostile names from the terminal', async () => {
    const hostile = '\u001b]0;owned\u0007\u001b[31mred\u202Egnp.exe\u009b2J';
    const server = await serve(
      selfSigned({
        commonName: hostile,
        names: ['localhost'],
        notBefore: new Date(Date.now() - 88 * DAY_MS),
        notAfter: new Date(Date.now() + 2 * DAY_MS),
      }),
    );
    const { stdout, stderr, exitCode } = await runCli(['check', server, '\u001b[31mtarget']);

    expect(exitCode).toBe(2);
    expect(stdout).toContain('critical');
    // oxlint-disable-next-line no-control-regex -- what must not be there
    expect(stdout + stderr).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
  });
});

describe('check --at', () => {
  test('judges as of that moment: what is well now has ended then', async () => {
    const ran = await runCli([
      'check',
      '--json',
      '--at',
      '2099-01-01',
      target('valid'),
      target('file-valid'),
      target('self-signed'),
    ]);
    const { certificates, findings, locations } = report(ran);

    expect(ran.exitCode).toBe(2);
    for (const { location } of locations) {
      expect(
        findings.filter(({ severity, locations: at }) => severity === 'critical' && at.includes(location)),
        location,
      ).not.toEqual([]);
    }
    expect(certificates.map(({ days_left: left }) => left ?? 0).every((left) => left < 0)).toBe(true);
  });

  test('counts whole days, rounded down', async () => {
    const notAfter = Math.floor(Date.now() / 1000) * 1000 + 60 * DAY_MS;
    const file = path.join(folder, 'days.pem');
    writeFileSync(file, selfSigned({ commonName: 'days', notAfter: new Date(notAfter) }).pem);
    for (const [before, left] of [
      [41 * DAY_MS, 41],
      [41 * DAY_MS - 1_000, 40],
      [-1_000, -1],
    ] as const) {
      const { certificates } = report(
        await runCli(['check', '--json', file, '--at', new Date(notAfter - before).toISOString()]),
      );
      expect(certificates[0]?.days_left).toBe(left);
    }
  });

  test.each([
    'soon',
    '2027-13-01',
    '01/02/2027',
    '2027-02-30',
    '2027-02-29',
    '2027-04-31T00:00:00Z',
    '2027-03-01 (no)',
  ])('refuses %s', async (date) => {
    const ran = await runCli(['check', 'x', '--at', date]);
    expect([ran.exitCode, ran.stdout]).toEqual([3, '']);
    expect(linesOf(ran)).toEqual([expect.stringContaining('expected a date such as 2027-03-01')]);
  });

  test.each(['2028-02-29', '2028-02-29 12:00', '2028-02-29T23:30:00-02:00'])('takes %s', async (date) => {
    expect((await runCli(['check', target('valid'), '--at', date])).stderr).toBe('');
  });
});

describe('the targets of check', () => {
  test('may be folders and patterns; what is named twice is there once', async () => {
    const many = path.join(folder, 'many');
    mkdirSync(path.join(many, 'deep'), { recursive: true });
    const certificate = selfSigned({ commonName: 'many', notAfter: new Date(Date.now() + 80 * DAY_MS) });
    for (const name of ['a.pem', 'b.pem', 'deep/c.crt']) writeFileSync(path.join(many, name), certificate.pem);
    const host = target('valid');
    const ran = await runCli(
      [
        'check',
        '--json',
        many,
        'many/*.pem',
        'many/a.pem',
        `${many}/a.pem`,
        `${many}/**/*.crt`,
        host,
        host,
        `tls://${host}`,
      ],
      folder,
    );

    expect(report(ran).locations.map(({ location }) => location)).toEqual([
      ...['a.pem', 'b.pem', 'deep/c.crt'].map((name) => path.join(many, name)),
      `${host}@127.0.0.1`,
    ]);
    expect(ran).toMatchObject({ exitCode: 0, stderr: '' });
  });

  test('give an answer also when one of many cannot be read: it is told, and the rest is shown', async () => {
    const mixed = path.join(folder, 'mixed');
    mkdirSync(mixed);
    writeFileSync(
      path.join(mixed, 'good.pem'),
      selfSigned({ commonName: 'good', notAfter: new Date(Date.now() + 80 * DAY_MS) }).pem,
    );
    writeFileSync(path.join(mixed, 'bad.pem'), stage.root.certificate.pem.slice(0, 200));
    const ran = await runCli(['check', mixed]);

    expect(ran.exitCode).toBe(0);
    expect(ran.stdout).toMatch(/good .*good\.pem/);
    expect(ran.stdout).toMatch(/^not read: \S+bad\.pem: \S/m);
  });

  test('tell in the JSON why there is nothing: an empty folder, a protocol that is not spoken', async () => {
    const empty = path.join(folder, 'empty');
    mkdirSync(empty);
    const ran = await runCli(['check', '--json', empty, 'gopher://mail.example.com:25']);
    expect(report(ran)).toMatchObject({
      locations: [
        { type: 'file', target: empty, location: empty, ok: false, reason: 'empty', endpoint: null },
        { type: 'endpoint', target: 'gopher://mail.example.com:25', ok: false, reason: 'unsupported', endpoint: null },
      ],
      certificates: [],
      problems: [{ location: empty, place: null, reason: 'empty' }, { reason: 'unsupported' }],
    });
    expect(ran.exitCode).toBe(3);
    expect(linesOf(await runCli(['check', empty]))).toEqual([`unknown: ${empty}: no certificate was found there`]);
  });

  test('say with --all why something is a note', async () => {
    const early = stage.intermediate.issue({ names: ['early.example'], notBefore: new Date(Date.now() + 86_400_000) });
    const file = path.join(folder, 'early.pem');
    writeFileSync(file, early.pem);
    const note = 'info: not-yet-valid  early.example becomes valid only in';
    expect((await runCli(['check', file])).stdout).not.toContain(note);
    const ran = await runCli(['check', file, '--all']);
    expect(ran.stdout).toContain(note);
    expect(ran.exitCode).toBe(0);
  });

  test.each([[[]], [['--json']], [['--all']]])('never repeat who logs in: %j', async (options) => {
    const host = target('valid');
    const ran = await runCli([
      'check',
      ...options,
      `https://me:hunter2@${host}`,
      'smtp://me:hunter2@nonsense.invalid',
      'tls://me:hunter2@x:0',
    ]);
    expect(ran.stdout).toContain(host);
    expect(ran.stdout + ran.stderr).not.toMatch(/hunter2|me:/);
    expect(ran.exitCode).toBe(3);
  });
});
