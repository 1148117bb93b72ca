import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import type { FarmAnswer, FarmRequest } from './kube-farm.ts';
import type { KubeScan, KubeScanAnswer } from './kube-scanner.ts';
import { line } from './measure.ts';
import { startProgram, type Program } from './program.ts';

const SECRETS = 10_000;
const RENEWED = 100;
const TARGET = { peakMib: 150 } as const;

/** As deploy/ sets it: V8's own choice makes it three times as much, and no look faster. */
const HEAP = ['--max-semi-space-size=4'] as const;

/** The Secrets of a large cluster: a first look, looks at which little has changed, and what they take of memory. */
export async function benchKubernetes(): Promise<string> {
  const folder = mkdtempSync(path.join(tmpdir(), 'notafter-bench-'));
  using farm: Program<FarmRequest, FarmAnswer> = start('kube-farm.ts');
  // The program keeps its compiled code beside itself, and the memory of the compiler is not needed again.
  process.env['NODE_COMPILE_CACHE'] = path.join(folder, 'compiled');
  try {
    const { url } = await farm.ask({ renew: SECRETS });
    const token = path.join(folder, 'token');
    writeFileSync(token, 'token');
    const asked = { options: { server: url, token_file: token } };
    const usual = await scanOnce(asked, []);
    const withPackage = await scanOnce({ options: { kubeconfig: writeKubeconfig(folder, url) } }, HEAP);
    const rows: KubeScanAnswer[] = [];
    using pod: Program<KubeScan, KubeScanAnswer> = start('kube-scanner.ts', HEAP);
    rows.push(await pod.ask(asked), await pod.ask(asked));
    await farm.ask({ renew: RENEWED });
    rows.push(await pod.ask(asked));
    const [first, same, some] = rows;
    if (first === undefined || same === undefined || some === undefined) throw new Error('nothing was measured');
    const peakMib = Math.max(...rows.map((row) => row.peakMib));
    const isExact = some.parsed === RENEWED * 2 && same.parsed === 0;
    return [
      `kubernetes: ${SECRETS} Secrets of the type kubernetes.io/tls with a chain of 2 and a key, pages of 500; looks at every resource of the cluster`,
      line('first look (read, parse, know)', first),
      line('nothing has changed', same),
      line(`${RENEWED} were renewed`, some),
      `  parsed: ${first.parsed.toLocaleString('en')} values at first, then ${same.parsed}, then ${some.parsed} (target: what changed alone, ${RENEWED * 2}: ${isExact ? 'met' : 'missed'})`,
      `  peak memory with a service account and ${HEAP.join(' ')}: ${Math.round(peakMib)} MiB (target ${TARGET.peakMib} MiB: ${peakMib < TARGET.peakMib ? 'met' : 'missed'}); with V8's own choice ${Math.round(usual.peakMib)} MiB; with a kubeconfig, for which the vendor's package is loaded, ${Math.round(withPackage.peakMib)} MiB`,
    ].join('\n');
  } finally {
    delete process.env['NODE_COMPILE_CACHE'];
    rmSync(folder, { recursive: true, force: true });
  }
}

async function scanOnce(asked: KubeScan, flags: readonly string[]): Promise<KubeScanAnswer> {
  using scanner: Program<KubeScan, KubeScanAnswer> = start('kube-scanner.ts', flags);
  return await scanner.ask(asked);
}

function writeKubeconfig(folder: string, url: string): string {
  const kubeconfig = path.join(folder, 'kubeconfig');
  writeFileSync(
    kubeconfig,
    JSON.stringify({
      'current-context': 'bench',
      clusters: [{ name: 'bench', cluster: { server: url, 'insecure-skip-tls-verify': true } }],
      users: [{ name: 'bench', user: { token: 'token' } }],
      contexts: [{ name: 'bench', context: { cluster: 'bench', user: 'bench' } }],
    }),
  );
  return kubeconfig;
}

function start<Request, Answer>(file: string, flags: readonly string[] = []): Program<Request, Answer> {
  return startProgram(process.execPath, [...flags, fileURLToPath(new URL(file, import.meta.url))]);
}
