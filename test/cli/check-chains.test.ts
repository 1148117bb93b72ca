import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { afterAll, describe, expect, test } from 'vitest';

import { linesOf, runCli } from '../helpers/cli.ts';
import { addTrust2020, dstX3In2021, type CrossSigned } from '../helpers/cross-signs.ts';
import { createAuthority, type TestCertificate } from '../helpers/pki.ts';
import { startTlsServer, type RunningTls } from '../helpers/servers.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'notafter-chains-'));
const servers: RunningTls[] = [];

afterAll(async () => {
  for (const server of servers) await server.close();
  rmSync(folder, { recursive: true, force: true });
});

async function serve(first: TestCertificate, ...list: readonly TestCertificate[]): Promise<string> {
  const server = await startTlsServer({ ...first, chainPem: [first, ...list].map(({ pem }) => pem).join('') });
  servers.push(server);
  return `127.0.0.1:${server.port}`;
}

function write(certificate: TestCertificate): string {
  const file = path.join(folder, `${certificate.fingerprint}.pem`);
  writeFileSync(file, certificate.pem);
  return file;
}

interface Finding {
  readonly rule: string;
  readonly severity: string;
  readonly cause: string;
}

async function check(target: string, ...caFiles: readonly string[]) {
  const ran = await runCli(['check', target, '--json', ...caFiles.flatMap((file) => ['--ca-file', file])]);
  const { findings } = JSON.parse(ran.stdout) as { findings: readonly Finding[] };
  return { exitCode: ran.exitCode, told: findings.map(({ rule, severity }) => `${rule} ${severity}`), findings };
}

describe('a cross-sign of the past', () => {
  const now = Date.now();
  const serveCase = ({ served: [leaf, ...others] }: CrossSigned): Promise<string> =>
    serve(leaf as TestCertificate, ...others);

  test('AddTrust: fine for who knows the new root, with a note on the extra; broken for who does not', async () => {
    const case2020 = addTrust2020(now);
    const target = await serveCase(case2020);

    const good = await check(target, write(case2020.newRoot));
    expect(good).toMatchObject({ exitCode: 0, told: ['expired info'] });
    expect(good.findings[0]?.cause).toBe(case2020.crossSign.fingerprint);
    expect(await check(target, write(case2020.oldRoot))).toMatchObject({ exitCode: 2, told: ['expired critical'] });
  });

  test('DST Root CA X3: fine for who knows the new root; broken for who does not', async () => {
    const case2021 = dstX3In2021(now);
    const target = await serveCase(case2021);

    expect(await check(target, write(case2021.newRoot))).toMatchObject({ exitCode: 0, told: [] });
    const bad = await check(target, write(case2021.oldRoot));
    expect(bad).toMatchObject({ exitCode: 2, told: ['expired critical'] });
    expect(bad.findings[0]?.cause).toBe(case2021.oldRoot.fingerprint);
  });
});

describe('a private CA', () => {
  const root = createAuthority({ name: 'Private Root' });
  const issuing = createAuthority({ name: 'Private Issuing CA', parent: root });
  const leaf = issuing.issue({ names: ['127.0.0.1'] });

  test('that this machine does not know is a note; once the clients are said to trust it, all is well', async () => {
    const target = await serve(leaf, issuing.certificate);
    expect(await check(target)).toMatchObject({ exitCode: 0, told: ['untrusted info'] });
    expect(await check(target, write(root.certificate))).toMatchObject({ exitCode: 0, told: [] });
  });

  test('is critical where the clients are said to trust another', async () => {
    const other = createAuthority({ name: 'Other Root' });
    const target = await serve(leaf, issuing.certificate);
    expect(await check(target, write(other.certificate))).toMatchObject({ exitCode: 2, told: ['untrusted critical'] });
  });

  test('people are told what is wrong with the list, beside the endpoint', async () => {
    const stranger = createAuthority({ name: 'Stranger' });
    const target = await serve(leaf, stranger.certificate, issuing.certificate, issuing.certificate);
    const lines = linesOf(await runCli(['check', target, '--ca-file', write(root.certificate)]));
    expect(lines).toContainEqual(
      expect.stringContaining('chain: sent more than once: Private Issuing CA; sent for no reason: Stranger'),
    );
    const unknown = linesOf(await runCli(['check', target]));
    expect(unknown).toContainEqual(expect.stringContaining('chain: no trusted root: CN=Private Root'));
  });

  test('whose file cannot be read ends the command with a clear word', async () => {
    const ran = await runCli(['check', '127.0.0.1:1', '--ca-file', path.join(folder, 'missing.pem')]);
    expect(ran).toMatchObject({
      exitCode: 3,
      stderr: expect.stringMatching(/the CA file .*missing\.pem cannot be read \(ENOENT\)/) as string,
    });
    writeFileSync(path.join(folder, 'empty.pem'), 'nothing\n');
    const empty = await runCli(['check', '127.0.0.1:1', '--ca-file', path.join(folder, 'empty.pem')]);
    expect(empty.stderr).toContain('holds no certificate that can be read');
  });
});
