import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { format } from 'prettier';

import { CLIENT_KINDS, clients, identityOf, type ClientKind } from '../helpers/client-identities.ts';
import { runCli } from '../helpers/cli.ts';
import { startDaemonProcess } from '../helpers/daemon-process.ts';
import { eventually } from '../helpers/eventually.ts';
import { parseExposition, samplesOf } from '../helpers/exposition.ts';
import { login, type TlsVersion } from '../helpers/rehearsal.ts';
import type { RehearsalRequest } from '../../src/tls/rehearse/request.ts';
import type { Verdict } from '../../src/plugin/observation.ts';
import { openSqlite } from '../../src/store/sqlite.ts';
import { SUBJECTS, type RunningSubject, type Subject } from './verdicts/servers.ts';
import { buildGo, openWorkshop, type Workshop } from './verdicts/workshop.ts';
import { verdictsPage, type CellVerdict, type Row } from './verdicts/page.ts';

const PAGE = path.resolve(import.meta.dirname, '../../docs/reference/verdicts.md');
const VERSIONS = ['TLSv1.2', 'TLSv1.3'] as const;

type Verdicts = ReadonlyMap<ClientKind, CellVerdict>;

/** One server over one version of TLS, and what it says to each client in each of the ways of asking. */
interface Case {
  readonly name: string;
  readonly version: TlsVersion;
  readonly subject: Subject;
  readonly server: RunningSubject;
  /** One login after the other, each beside the log: what the other ways have to agree with. */
  alone?: Verdicts;
  /** Lines of the log by which the server accepts one login of the good client. */
  acceptances: number;
}

const TABLE = SUBJECTS.flatMap((subject) =>
  VERSIONS.map((version): [string, TlsVersion, Subject] => [subject.name, version, subject]),
);
const cases: Case[] = [];
let workshop: Workshop;
let folder: string;

beforeAll(async () => {
  workshop = openWorkshop();
  buildGo(workshop.folder);
  folder = mkdtempSync(path.join(tmpdir(), 'notafter-verdicts-clients-'));
  for (const [kind, { certificate, chainPem }] of Object.entries(clients)) {
    writeFileSync(path.join(folder, `${nameOf(kind)}.pem`), chainPem);
    writeFileSync(path.join(folder, `${nameOf(kind)}.key`), certificate.keyPem);
  }
  for (const [name, version, subject] of TABLE) {
    cases.push({ name, version, subject, server: await subject.start(version, workshop), acceptances: 0 });
  }
}, 300_000);

afterAll(async () => {
  await Promise.all(cases.map(({ server }) => server.stop()));
  workshop?.[Symbol.dispose]();
  rmSync(folder, { recursive: true, force: true });
});

/** What the config calls a client of a kind. */
function nameOf(kind: string): string {
  return kind.replaceAll(' ', '-');
}

function acceptedIn(server: RunningSubject, mark: number): number {
  return server.log().slice(mark).match(new RegExp(server.accepted.source, 'gm'))?.length ?? 0;
}

/** The server's own judgement of the connection behind `mark` characters of its log. */
function truthOf(server: RunningSubject, mark: number): Promise<'accepted' | 'rejected'> {
  return eventually('the server logs what became of the connection', () => {
    const said = server.log().slice(mark);
    if (server.accepted.test(said)) return 'accepted';
    return server.rejected.test(said) && 'rejected';
  });
}

/** Verdicts by kind of client, as `check` and the store have them. */
function byKind(verdicts: readonly Pick<Verdict, 'name' | 'status' | 'reason'>[]): Verdicts {
  return new Map(
    CLIENT_KINDS.flatMap((kind) => {
      const name = kind === 'none' ? null : nameOf(kind);
      const verdict = verdicts.find((one) => one.name === name);
      return verdict === undefined ? [] : [[kind, { status: verdict.status, reason: verdict.reason }] as const];
    }),
  );
}

/** Servers that are asked the same, which is one run of `check` and one source of the daemon. */
function groups(): ReadonlyMap<string, readonly Case[]> {
  return Map.groupBy(cases, ({ subject }) => JSON.stringify(subject.request));
}

function targetOf({ subject, server }: Case): string {
  return `${subject.request.kind === 'postgres' ? 'postgres://' : ''}127.0.0.1:${server.port}`;
}

/** A way agrees when each cell has the verdict that was proven, and the server's log has as many acceptances as one good client makes. */
async function expectAgreement(got: ReadonlyMap<Case, Verdicts>, marks: ReadonlyMap<Case, number>): Promise<void> {
  for (const one of cases) {
    const { name, version, server, alone, acceptances } = one;
    expect({ name, version, verdicts: [...(got.get(one) ?? [])] }).toEqual({
      name,
      version,
      verdicts: [...(alone ?? [])],
    });
    const mark = marks.get(one) ?? 0;
    await eventually(`${name} logs that it let somebody in`, () => acceptedIn(server, mark) >= acceptances);
    expect([name, version, acceptedIn(server, mark)]).toEqual([name, version, acceptances]);
  }
}

describe('a rehearsal', () => {
  test.each(TABLE)('agrees with the log of %s over %s', async (name, version, subject) => {
    const one = cases.find((candidate) => candidate.subject === subject && candidate.version === version);
    if (one === undefined) throw new Error(`${name} runs`);
    const { server } = one;
    const verdicts = new Map<ClientKind, CellVerdict>();
    const wrong: string[] = [];
    for (const kind of CLIENT_KINDS) {
      const mark = server.log().length;
      const verdict = await login(server, {
        identity: identityOf(kind),
        request: subject.request,
        timeoutMs: 15_000,
      });
      verdicts.set(kind, { status: verdict.status, reason: verdict.reason });
      const should = kind === 'good' ? 'accepted' : 'rejected';
      const truth = subject.unknown === 'unasked' ? should : await truthOf(server, mark);
      const mayBeUnknown =
        subject.unknown === 'unasked' ||
        (subject.unknown === 'silent' && version === 'TLSv1.3' && truth === 'accepted');
      const isRight = verdict.status === (mayBeUnknown ? 'unknown' : truth);
      // A server that lets in whom it should not would make every verdict right.
      if (truth !== should || !isRight) {
        wrong.push(`${kind}: ${JSON.stringify(verdict)}, and the server ${truth} it: ${server.log().slice(mark)}`);
      }
      if (kind === 'good') one.acceptances = acceptedIn(server, mark);
    }
    expect(wrong).toEqual([]);
    one.alone = verdicts;
  });

  test('by the command line agrees with every one of these logs', { timeout: 180_000 }, async () => {
    const marks = new Map(cases.map((one) => [one, one.server.log().length]));
    const files = Object.keys(clients).flatMap((kind) => [
      '--client-cert',
      `${nameOf(kind)}.pem`,
      '--client-key',
      `${nameOf(kind)}.key`,
    ]);
    const got = new Map<Case, Verdicts>();
    for (const group of groups().values()) {
      const request = flagOf(group[0]?.subject.request);
      const ran = await runCli(['check', ...group.map(targetOf), ...files, ...request, '--json'], folder);
      const { locations } = JSON.parse(ran.stdout) as {
        locations: readonly { endpoint: { port: number; verdicts: readonly Verdict[] } }[];
      };
      for (const one of group) {
        const location = locations.find(({ endpoint }) => endpoint.port === one.server.port);
        got.set(one, byKind(location?.endpoint.verdicts ?? []));
      }
    }
    await expectAgreement(got, marks);
  });

  test(
    'by the daemon agrees with every one of these logs, in the store and in the metrics',
    { timeout: 180_000 },
    async () => {
      const marks = new Map(cases.map((one) => [one, one.server.log().length]));
      const config = path.join(folder, 'notafter.yaml');
      const identities = Object.keys(clients).map((kind) => ({
        name: nameOf(kind),
        certificate_file: path.join(folder, `${nameOf(kind)}.pem`),
        key_file: path.join(folder, `${nameOf(kind)}.key`),
      }));
      const sources = [...groups().values()].map((group, index) => ({
        name: `group-${index}`,
        type: 'endpoint',
        targets: group.map(targetOf),
        timeout: '30s',
        clients: identities,
        rehearse: optionOf(group[0]?.subject.request),
      }));
      const storePath = path.join(folder, 'notafter.db');
      writeFileSync(config, JSON.stringify({ sources, web: { listen: '127.0.0.1:0' }, store: `sqlite:${storePath}` }));
      const daemon = await startDaemonProcess(config, { cwd: folder });
      try {
        await eventually('the first rounds end', () => daemon.stdout().includes('Found '), 120_000);
        const store = await openSqlite(storePath, { readOnly: true });
        const locations = await store.inventory.locations();
        await store.close();
        const samples = parseExposition(await daemon.metrics());
        const got = new Map<Case, Verdicts>();
        for (const one of cases) {
          const location = locations.find(({ endpoint }) => endpoint?.port === one.server.port);
          const verdicts = byKind(location?.endpoint?.verdicts ?? []);
          got.set(one, verdicts);
          const series = samplesOf(samples, 'notafter_rehearsal_accepted', { location: location?.location ?? '' });
          expect(new Map(series.map(({ labels, value }) => [labels['client'], value]))).toEqual(
            new Map(
              [...verdicts].flatMap(([kind, { status }]) =>
                status === 'unknown' ? [] : [[nameOf(kind), status === 'accepted' ? 1 : 0]],
              ),
            ),
          );
        }
        await expectAgreement(got, marks);
      } finally {
        await daemon.stop();
      }
    },
  );

  // The page claims that all ways agree with the logs: it is written when everything before has said so.
  test('leaves its matrix in the reference', async ({ task }) => {
    const others = task.suite?.tasks.filter((other) => other !== task) ?? [];
    expect(others.filter(({ result }) => result?.state !== 'pass').map(({ name }) => name)).toEqual([]);
    const rows = cases.map(({ name, version, alone }): Row => ({ name, version, verdicts: alone ?? new Map() }));
    const page = await format(verdictsPage(rows), { parser: 'markdown', printWidth: 120 });
    console.log(page);
    if (process.env['NOTAFTER_WRITE_DOCS'] === '1') writeFileSync(PAGE, page);
  });
});

function flagOf(request: RehearsalRequest | undefined): readonly string[] {
  switch (request?.kind) {
    case 'none':
      return ['--request', 'none'];
    case 'grpc':
      return ['--request', 'grpc'];
    case 'postgres':
      return ['--request', `postgres ${request.user} ${request.database}`];
    default:
      return [];
  }
}

function optionOf(request: RehearsalRequest | undefined): object | string {
  switch (request?.kind) {
    case 'grpc':
      return { grpc: { service: request.service } };
    case 'postgres':
      return { postgres: { user: request.user, database: request.database } };
    default:
      return request?.kind ?? 'auto';
  }
}
