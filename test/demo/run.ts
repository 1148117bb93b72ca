import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { startHook, startMailbox } from '../helpers/receivers.ts';
import { createStage, SCENARIOS, type Staged } from '../helpers/scenarios.ts';
import { startTlsServer } from '../helpers/servers.ts';

/*
 * A lab on loopback: servers and files that are healthy, ending, ended, broken and silent, a mailbox and a Slack hook
 * that print what arrives, and the real daemon that watches them. One certificate lives for three minutes, so that every
 * stage of an alert can be seen; it is renewed after its end.
 */

const LIFE_MS = 180_000;
const folder = mkdtempSync(path.join(tmpdir(), 'notafter-demo-'));
const stage = createStage(path.join(folder, 'files'));
const say = (text: string): void => void process.stdout.write(`${text}\n`);

say('The lab:');
const staged: { name: string; kind: 'endpoint' | 'file'; staged: Staged }[] = [];
for (const scenario of SCENARIOS) {
  const one = await scenario.stage(stage);
  staged.push({ name: scenario.name, kind: scenario.kind, staged: one });
  say(`  ${one.target.padEnd(32).slice(-60)} ${scenario.what}`);
}
const short = (): ReturnType<typeof stage.intermediate.issue> =>
  stage.intermediate.issue({
    names: ['short.lab.test', '127.0.0.1'],
    notBefore: new Date(Date.now() - LIFE_MS / 2),
    notAfter: new Date(Date.now() + LIFE_MS / 2),
  });
const shortLived = await startTlsServer(short());
say(
  `  127.0.0.1:${shortLived.port}`.padEnd(35) +
    'its certificate lives for three minutes, half of them over; it is renewed after its end',
);
const renewal = setTimeout(
  () => {
    shortLived.use(stage.intermediate.issue({ names: ['short.lab.test', '127.0.0.1'] }));
    say('\n*** the lab: short.lab.test was renewed ***\n');
  },
  LIFE_MS / 2 + 20_000,
);

const mailbox = await startMailbox(({ mail }) => say(`\n✉  ${mail.subject ?? ''}\n${indent(mail.text ?? '')}`));
const slack = await startHook(({ body }) =>
  say(`\n#  Slack: ${(JSON.parse(body) as { text?: string }).text ?? body.slice(0, 200)}`),
);

const endpoints = [
  ...staged.filter((one) => one.kind === 'endpoint').map((one) => one.staged.target),
  `127.0.0.1:${shortLived.port}`,
];
const config = path.join(folder, 'notafter.yaml');
writeFileSync(
  config,
  `sources:
  - {name: servers, type: endpoint, every: 5s, timeout: 2s, targets: [${endpoints.map((target) => `"${target}"`).join(', ')}], labels: {owner: platform}}
  - {name: files, type: file, every: 10s, paths: ["${stage.folder}"], labels: {owner: billing}}
channels:
  - {name: mail, type: email, smtp: {host: 127.0.0.1, port: ${mailbox.port}, secure: none}, from: notafter@lab.test, to: [oncall@lab.test]}
  - {name: chat, type: slack, webhook_url: "\${NOTAFTER_DEMO_HOOK}"}
web: {listen: "127.0.0.1:9919"}
log: {level: warn}
store: "sqlite:${path.join(folder, 'notafter.db')}"
`,
);
say(`\nThe config: ${config}\n`);

const daemon = spawn(
  process.execPath,
  [fileURLToPath(new URL('../../bin/notafter.js', import.meta.url)), 'run', '--config', config],
  {
    cwd: folder,
    env: { ...process.env, NOTAFTER_DEMO_HOOK: `${slack.url}/services/demo` },
    stdio: 'inherit',
  },
);
process.on('SIGINT', () => daemon.kill('SIGTERM'));
process.on('SIGTERM', () => daemon.kill('SIGTERM'));
await once(daemon, 'exit');
clearTimeout(renewal);
for (const one of staged) await one.staged.close();
await shortLived.close();
await mailbox.close();
await slack.close();
rmSync(folder, { recursive: true, force: true });

function indent(text: string): string {
  return text
    .trim()
    .split('\n')
    .slice(0, 25)
    .map((line) => `   ${line}`)
    .join('\n');
}
