import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { growCertificateTree } from './certificate-tree.ts';
import type { FileScan, FileScanAnswer } from './file-scanner.ts';
import { line, median, type Measure } from './measure.ts';
import { buildGo, startProgram, textAboutReleased, type Program } from './program.ts';

const FILES = 100_000;
const DISTINCT = 2_500;
/** A tree in which no certificate is at a second place: nothing that was read before helps. */
const DIFFERENT = 20_000;
const ROUNDS = 5;

/** What is asked of x509-certificate-exporter, which reads and parses everything again at each refresh. */
const EXPORTER = 'github.com/enix/x509-certificate-exporter/v3/cmd/x509-certificate-exporter@latest';

interface GoFileScan {
  readonly root: string;
  readonly mode: 'read' | 'stat';
  readonly goroutines: number;
  readonly processors: number;
}

type GoAnswer = Measure & { readonly peakMib: number };
type Own = Program<FileScan, FileScanAnswer>;
type Go = Program<GoFileScan, GoAnswer>;

function startOwn(): Own {
  return startProgram(process.execPath, [fileURLToPath(new URL('file-scanner.ts', import.meta.url))]);
}

/** The file collector, alone and with the store, against a plain Go program on the same tree, in turn. */
export async function benchFiles(): Promise<string> {
  const folder = mkdtempSync(path.join(tmpdir(), 'notafter-bench-'));
  try {
    const root = path.join(folder, 'tree');
    const tree = growCertificateTree(root, { files: FILES, distinct: DISTINCT });
    const differentRoot = path.join(folder, 'different');
    growCertificateTree(differentRoot, { files: DIFFERENT, distinct: DIFFERENT });
    using own = startOwn();
    const built = buildGo('file-scan', folder);
    using go: Go | undefined = built === undefined ? undefined : startProgram(built.binary);
    return [
      `files: ${tree.files} PEM files in ${tree.folders} folders, ${tree.distinct} distinct certificates, a tenth with the chain of 3; ${ROUNDS} rounds, medians; page cache warm`,
      `  peer: ${built === undefined ? 'none, there is no go' : `${built.version}, filepath.WalkDir, 64 goroutines on 2 processors, encoding/pem, x509.ParseCertificate, SHA-256`}`,
      ...(await compare(own, go, root)),
      ...(await compareDifferent(own, go, differentRoot)),
      `  x509-certificate-exporter: ${textAboutReleased(EXPORTER, folder)}`,
    ].join('\n');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function compare(own: Own, go: Go | undefined, root: string): Promise<string[]> {
  const rows = { first: [], again: [], read: [], stat: [], record: [] } as {
    first: FileScanAnswer[];
    again: FileScanAnswer[];
    read: GoAnswer[];
    stat: GoAnswer[];
    record: FileScanAnswer[];
  };
  const asked = { root, goroutines: 64, processors: 2 };
  for (let round = 0; round < ROUNDS; round++) {
    rows.first.push(await own.ask({ root, mode: 'first' }));
    if (go !== undefined) rows.read.push(await go.ask({ ...asked, mode: 'read' }));
    rows.again.push(await own.ask({ root, mode: 'again' }));
    if (go !== undefined) rows.stat.push(await go.ask({ ...asked, mode: 'stat' }));
  }
  // What came after the first look and one more is V8 putting off its work.
  const alone = rows.again[0];
  using recording: Own = startOwn();
  const recorded = await recording.ask({ root, mode: 'record' });
  for (let round = 0; round < ROUNDS; round++) rows.record.push(await recording.ask({ root, mode: 'record' }));
  const stored = rows.record[0];
  const blocks = [...rows.first, ...rows.again].map(({ longestBlockMs }) => longestBlockMs);
  return [
    line('notafter, first look (read, parse, know)', median(rows.first)),
    ...(go === undefined ? [] : [line('Go, the same', median(rows.read))]),
    line('notafter, nothing changed', median(rows.again)),
    ...(go === undefined ? [] : [line('Go, stat alone', median(rows.stat))]),
    line('notafter, first look, recorded and judged', recorded),
    line('notafter, nothing changed, recorded', median(rows.record)),
    ...(go === undefined
      ? []
      : [
          `  first look: CPU ${ratio(rows.first, rows.read, ({ cpuMs }) => cpuMs)} of Go (target 0.5x), rate ${ratio(rows.first, rows.read, ({ items, wallMs }) => items / wallMs)} (target 1x)`,
        ]),
    `  nothing changed, recorded: ${perSecond(median(rows.record))} files/s (target 50,000)`,
    `  peak memory after a first look and another: ${mib(alone)} (target 250 MiB), with the store ${mib(stored)}${go === undefined ? '' : `; Go ${mib(rows.read[0])} after the first`}`,
    `  longest wait of others in a look: median ${Math.round(blocks.toSorted((a, b) => a - b)[Math.floor(blocks.length / 2)] ?? 0)} ms (target 50 ms)`,
  ];
}

async function compareDifferent(own: Own, go: Go | undefined, root: string): Promise<string[]> {
  const first: FileScanAnswer[] = [];
  const read: GoAnswer[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    first.push(await own.ask({ root, mode: 'first' }));
    if (go !== undefined) read.push(await go.ask({ root, mode: 'read', goroutines: 64, processors: 2 }));
  }
  return [
    ` ${DIFFERENT} files, as many distinct certificates:`,
    line('notafter, first look (read, parse, know)', median(first)),
    ...(go === undefined
      ? []
      : [
          line('Go, the same', median(read)),
          `  first look: CPU ${ratio(first, read, ({ cpuMs }) => cpuMs)} of Go, rate ${ratio(first, read, ({ items, wallMs }) => items / wallMs)}`,
        ]),
  ];
}

/** Median of the ratios of each round: rounds differ more than what is compared. */
function ratio(own: readonly Measure[], peer: readonly Measure[], value: (one: Measure) => number): string {
  const ratios = own.map((one, index) => value(one) / value(peer[index] ?? one)).toSorted((a, b) => a - b);
  return `${(ratios[Math.floor(ratios.length / 2)] ?? Number.NaN).toFixed(2)}x`;
}

function perSecond({ items, wallMs }: Measure): string {
  return Math.round(items / (wallMs / 1000)).toLocaleString('en');
}

function mib(answer: { readonly peakMib: number } | undefined): string {
  return `${Math.round(answer?.peakMib ?? 0)} MiB`;
}
