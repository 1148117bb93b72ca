import { execFile } from 'node:child_process';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const BIN = fileURLToPath(new URL('../../bin/notafter.js', import.meta.url));
const AWS = fileURLToPath(new URL('./aws-command.ts', import.meta.url));

/** A step of a runbook as `notafter runbook --json` prints it. */
export interface PrintedStep {
  readonly title: string;
  readonly text: readonly string[];
  readonly commands: readonly string[];
  readonly choices: readonly { readonly when: string; readonly commands: readonly string[] }[];
}

export interface PrintedRunbook {
  readonly id: string;
  readonly phases: readonly { readonly phase: string; readonly steps: readonly PrintedStep[] }[];
}

/** Everything that the runbook says to type, in its order; of ways to choose from, those that `takes` names. */
export function typed(runbook: PrintedRunbook, phases: readonly string[], takes: RegExp): string {
  const lines = runbook.phases
    .filter(({ phase }) => phases.includes(phase))
    .flatMap(({ steps }) =>
      steps.flatMap(({ title, commands, choices }) => {
        const choice = choices.find(({ when }) => takes.test(when));
        if (choices.length > 0 && choice === undefined) throw new Error(`nothing fits in "${title}"`);
        return [...commands, ...(choice?.commands ?? [])];
      }),
    );
  return ['set -eu', ...lines].join('\n');
}

/** A machine to type on: the programs that the runbook calls and this one does not have report to the test. */
export interface Desk extends AsyncDisposable {
  /** Every call of a program that stands in for a real one: its name and its words. */
  readonly calls: string[];
  /** What such a call does. */
  onCall: (call: string) => void;
  run(
    script: string,
    environment: Readonly<Record<string, string>>,
  ): Promise<{ readonly exitCode: number | null; readonly output: string }>;
}

/** Programs that would reload something. */
const RELOADERS = ['nginx', 'systemctl', 'haproxy', 'apachectl'];

/** `notafter` is the real one, in `folder`; `aws` talks to the endpoint of `AWS_ENDPOINT_URL` with the vendor's client. */
export async function setUpDesk(folder: string): Promise<Desk> {
  const programs = path.join(folder, 'programs');
  mkdirSync(programs, { recursive: true });
  const server = createServer((request, response) => {
    const call = decodeURIComponent(request.url?.slice(1) ?? '');
    desk.calls.push(call);
    desk.onCall(call);
    response.end();
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  const node = `'${process.execPath}'`;
  const write = (name: string, line: string): void => {
    writeFileSync(path.join(programs, name), `#!/bin/sh\n${line}\n`);
    chmodSync(path.join(programs, name), 0o755);
  };
  write('notafter', `exec ${node} '${BIN}' "$@"`);
  write('aws', `exec ${node} '${AWS}' "$@"`);
  const report = `const [name, ...words] = process.argv.slice(1); await fetch('http://127.0.0.1:${port}/' + encodeURIComponent([name, ...words].join(' ')));`;
  for (const name of RELOADERS) write(name, `exec ${node} --input-type=module -e "${report}" ${name} "$@"`);
  const desk: Desk = {
    calls: [],
    onCall: () => undefined,
    run: (script, environment) =>
      new Promise((resolve) => {
        const { CI: _ci, FORCE_COLOR: _color, ...env } = process.env;
        const child = execFile(
          '/bin/sh',
          ['-c', script],
          {
            cwd: folder,
            env: { ...env, HOME: folder, ...environment, PATH: `${programs}:${process.env['PATH'] ?? ''}` },
            timeout: 60_000,
          },
          (_error, stdout, stderr) => resolve({ exitCode: child.exitCode, output: stdout + stderr }),
        );
        child.stdin?.end();
      }),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => {
        server.close(resolve);
      });
    },
  };
  return desk;
}
