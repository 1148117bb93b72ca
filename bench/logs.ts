import { createWriteStream, mkdtempSync, rmSync, statSync } from 'node:fs';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import type { LogScan, LogScanAnswer } from './log-scanner.ts';
import { line } from './measure.ts';
import { startProgram } from './program.ts';

const LINES = 10_000_000;
const BLOCK = 50_000;
/** Bytes of a line at most, line break included. */
const MAX_LINE = 400;
const TARGET = 300_000;

/** Logs of nginx with the recommended format, read by the collector for the first time: few clients, then very many. */
export async function benchLogs(): Promise<string> {
  const folder = mkdtempSync(path.join(tmpdir(), 'notafter-bench-logs-'));
  try {
    const rows: string[] = [];
    for (const { lines, clients } of [
      { lines: LINES, clients: 1_000 },
      { lines: LINES / 5, clients: 1_000_000 },
    ]) {
      const log = path.join(folder, `clients-${clients}.log`);
      const bytes = await writeLog(log, lines, clients);
      // One process for each: memory of the one before would count for the next.
      using scanner = startProgram<LogScan, LogScanAnswer>(process.execPath, [
        fileURLToPath(new URL('log-scanner.ts', import.meta.url)),
      ]);
      const answer = await scanner.ask({ log, maxClients: 1_000_000 });
      const rate = Math.round(answer.items / (answer.cpuMs / 1000));
      rows.push(
        line(`${clients.toLocaleString('en')} clients, ${Math.round(bytes / lines)} bytes a line`, answer),
        `    ${rate.toLocaleString('en')} lines/s of CPU ${clients > 1_000 ? '' : ` (target ${TARGET.toLocaleString('en')}: ${rate >= TARGET ? 'met' : 'missed'})`}; ${answer.clients.toLocaleString('en')} clients told of, peak memory ${answer.peakMib} MiB, longest wait of others ${Math.round(answer.longestBlockMs)} ms`,
      );
      rmSync(log);
    }
    return ['logs: lines of nginx as the README recommends, one look at all of them; lines are items', ...rows].join(
      '\n',
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Lines of 300 to 400 bytes. Where the clients are few, the same lines come again and again. */
async function writeLog(log: string, lines: number, clients: number): Promise<number> {
  const out = createWriteStream(log);
  const startedAt = Date.now() - 3_600_000;
  let block: Buffer | undefined;
  for (let first = 0; first < lines; first += BLOCK) {
    if (block === undefined || clients > BLOCK) {
      const numbers = Array.from({ length: BLOCK }, (_, index) => first + index);
      block = Buffer.from(numbers.map((number) => lineOf(number, (number * 7_919) % clients, startedAt)).join(''));
    }
    if (!out.write(block)) await once(out, 'drain');
  }
  out.end();
  await once(out, 'finish');
  return statSync(log).size;
}

function lineOf(number: number, client: number, startedAt: number): string {
  const fingerprint = client.toString(16).padStart(40, '0');
  const fields = (uri: string): string =>
    [
      new Date(startedAt + Math.floor(number / 5_000) * 1_000).toISOString().replace(/\.\d+Z$/, '+00:00'),
      'SUCCESS',
      fingerprint,
      fingerprint.slice(8).toUpperCase(),
      'Nov 23 12:00:00 2027 GMT',
      'api.example.com',
      uri,
      `CN=Partner Issuing CA ${client % 7},O=Partner CA,C=DE`,
      `CN=client-${client}.partner.example,OU=Integration,O=Partner,L=Berlin,C=DE`,
    ].join('\t');
  const uri = `/v1/${['payments', 'refunds', 'accounts'][client % 3] ?? ''}/${number}/`;
  const rest = MAX_LINE - 1 - ((number * 31) % 100) - fields(uri).length;
  return `${fields(uri + 'x'.repeat(Math.max(0, rest)))}\n`;
}
