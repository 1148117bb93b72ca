import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';

import { stringify } from 'yaml';

import { eventually } from './eventually.ts';
import { closedPort } from './servers.ts';

/** A program that answers on a port of loopback. */
export interface RunningProgram {
  readonly url: string;
  stop(): Promise<void>;
}

/** Starts a program that has to answer 200 at `ready`; `args` are made of the port that it is to listen on. */
export async function startProgram(
  command: string,
  args: (port: number) => readonly string[],
  ready: string,
  cwd: string,
): Promise<RunningProgram> {
  const port = await closedPort();
  const url = `http://127.0.0.1:${port}`;
  const child: ChildProcess = spawn(command, args(port), { cwd, stdio: ['ignore', 'inherit', 'inherit'] });
  const exited = once(child, 'exit');
  await eventually(`${command} is ready`, async () => {
    if (child.exitCode !== null) throw new Error(`${command} ended with ${child.exitCode}`);
    const answer = await get(url + ready).catch(() => undefined);
    return answer?.status === 200;
  });
  return {
    url,
    async stop() {
      if (child.exitCode === null) child.kill('SIGTERM');
      await exited;
    },
  };
}

export interface PrometheusSample {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [number, string];
}

export interface RunningPrometheus extends RunningProgram {
  /** What an expression gives now. Throws where it is none. */
  query(expr: string): Promise<readonly PrometheusSample[]>;
  /** Names of the alerts that are pending or fire. */
  alerts(): Promise<readonly string[]>;
  /** Those of a scrape that came to nothing. */
  scrapeErrors(): Promise<readonly string[]>;
}

/** A real Prometheus; what it needs is installed by test/services/install.ts. */
export async function startPrometheus(folder: string, config: object): Promise<RunningPrometheus> {
  const file = path.join(folder, 'prometheus.yml');
  await writeFile(file, stringify(config));
  const program = await startProgram(
    'prometheus',
    (port) => [
      `--config.file=${file}`,
      `--storage.tsdb.path=${path.join(folder, 'tsdb')}`,
      `--web.listen-address=127.0.0.1:${port}`,
      '--log.level=warn',
    ],
    '/-/ready',
    folder,
  );
  const ask = async <Data>(what: string): Promise<Data> => {
    const answer = (await (await get(`${program.url}/api/v1/${what}`)).json()) as { data?: Data; error?: string };
    if (answer.data === undefined) throw new Error(`${what}: ${answer.error}`);
    return answer.data;
  };
  return {
    ...program,
    async query(expr) {
      const { result } = await ask<{ result: PrometheusSample[] }>(`query?query=${encodeURIComponent(expr)}`);
      return result;
    },
    async alerts() {
      const { alerts } = await ask<{ alerts: { labels: Record<string, string> }[] }>('alerts');
      return alerts.map(({ labels }) => labels['alertname'] ?? '');
    },
    async scrapeErrors() {
      const { activeTargets } = await ask<{ activeTargets: { lastError: string }[] }>('targets');
      return activeTargets.flatMap(({ lastError }) => (lastError === '' ? [] : [lastError]));
    },
  };
}

function get(url: string): Promise<Response> {
  return fetch(url, { signal: AbortSignal.timeout(10_000) });
}
