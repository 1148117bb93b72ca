import { spawn, spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { Agent, get } from 'node:http';
import path from 'node:path';

import { measure, type Measure } from './measure.ts';
import { freePort, listening } from './tls-farm.ts';

const PROGRAM = 'prometheus-blackbox-exporter';
/** Of the clock by which Linux counts the time of processes. */
const TICK_MS = 10;

export interface Blackbox extends Disposable {
  readonly version: string;
  readonly processId: number | undefined;
  scan(port: number, names: readonly string[], concurrency: number): Promise<Measure>;
}

/** Starts blackbox_exporter with a module for each name; `undefined` when it is not installed. */
export async function startBlackbox(folder: string, names: readonly string[]): Promise<Blackbox | undefined> {
  const told = spawnSync(PROGRAM, ['--version'], { encoding: 'utf8' });
  const version = /version ([\d.]+)/.exec(`${told.stdout}${told.stderr}`)?.[1];
  if (version === undefined) return undefined;
  const file = path.join(folder, 'blackbox.yml');
  const modules = names.map(
    (name) =>
      `  ${name}: {prober: tcp, timeout: 10s, tcp: {preferred_ip_protocol: ip4, tls: true, tls_config: {insecure_skip_verify: true, server_name: ${name}}}}`,
  );
  writeFileSync(file, ['modules:', ...modules, ''].join('\n'));
  const port = await freePort();
  const child = spawn(
    PROGRAM,
    [`--config.file=${file}`, `--web.listen-address=127.0.0.1:${port}`, '--log.level=error'],
    {
      stdio: 'ignore',
      env: { ...process.env, GOMAXPROCS: '1' },
    },
  );
  await listening(port, child);
  const agent = new Agent({ keepAlive: true, maxSockets: Infinity });

  return {
    version,
    processId: child.pid,
    async scan(target, some, concurrency) {
      const before = timeOf(child.pid);
      const one = await measure(async () => {
        let next = 0;
        let seen = 0;
        await Promise.all(
          Array.from({ length: concurrency }, async () => {
            for (let name = some[next++]; name !== undefined; name = some[next++]) {
              const query = new URLSearchParams({ target: `127.0.0.1:${target}`, module: name }).toString();
              const text = await ask(agent, port, `/probe?${query}`);
              if (text.includes('probe_success 1') && text.includes('probe_ssl_earliest_cert_expiry')) seen += 1;
            }
          }),
        );
        return seen;
      });
      return { ...one, cpuMs: timeOf(child.pid) - before };
    },
    [Symbol.dispose]() {
      agent.destroy();
      child.kill();
    },
  };
}

function ask(agent: Agent, port: number, where: string): Promise<string> {
  return new Promise((resolve, reject) => {
    get({ agent, host: '127.0.0.1', port, path: where }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('end', () => resolve(text));
      response.on('error', reject);
    }).on('error', reject);
  });
}

/** User and system time of a process, milliseconds: fields 14 and 15 of proc_pid_stat(5), behind a name in brackets. */
function timeOf(processId: number | undefined): number {
  const fields = readFileSync(`/proc/${processId}/stat`, 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ');
  return TICK_MS * (Number(fields[11]) + Number(fields[12]));
}
