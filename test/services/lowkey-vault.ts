import { spawn, spawnSync } from 'node:child_process';
import { existsSync, globSync, mkdirSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { connect, getCACertificates, setDefaultCACertificates } from 'node:tls';

import { eventually } from '../helpers/eventually.ts';
import { closedPort } from '../helpers/loopback-servers.ts';

/** Key Vault by others (https://github.com/nagyesta/lowkey-vault): what it says was not written by who wrote notafter. */
const VERSION = '7.3.74';
const ARTIFACT = `com.github.nagyesta.lowkey-vault:lowkey-vault-app:${VERSION}`;
const FOLDER = path.join(homedir(), '.cache/notafter/lowkey-vault');
const JAR = path.join(FOLDER, `lowkey-vault-app-${VERSION}.jar`);

/** What it was compiled for. */
const JAVA = 25;

/** A jar that was got in another way than by Maven. */
const OWN_JAR = 'NOTAFTER_LOWKEY_VAULT_JAR';

function jar(): string {
  return process.env[OWN_JAR] ?? JAR;
}

/** A Java that is new enough: that of the environment, that of the path, one of those beside it. */
function findJava(): string | undefined {
  const { JAVA_HOME: home } = process.env;
  const all = [
    ...(home === undefined ? [] : [path.join(home, 'bin/java')]),
    'java',
    ...globSync('/usr/lib/jvm/*/bin/java'),
  ];
  return all.find((java) => {
    const { status, stderr } = spawnSync(java, ['-version'], { encoding: 'utf8' });
    return status === 0 && Number(/version "(\d+)/.exec(stderr)?.[1] ?? '0') >= JAVA;
  });
}

/** Has Maven fetch it, from where Maven is set up to. Gives why that is not possible here; undefined when it is there. */
export function installLowkeyVault(): string | undefined {
  if (findJava() === undefined) return `it needs Java ${JAVA} (Debian: apt-get install openjdk-${JAVA}-jre-headless)`;
  if (existsSync(jar())) return undefined;
  if (process.env[OWN_JAR] !== undefined) return `there is no ${jar()}, of which ${OWN_JAR} speaks`;
  mkdirSync(FOLDER, { recursive: true });
  const fetched = spawnSync(
    'mvn',
    ['-B', '-q', 'dependency:copy', `-Dartifact=${ARTIFACT}`, `-DoutputDirectory=${FOLDER}`],
    {
      // Where there is no project of Maven's.
      cwd: FOLDER,
      encoding: 'utf8',
      timeout: 300_000,
    },
  );
  if (fetched.error !== undefined) {
    return `there is no Maven to fetch it with (Debian: apt-get install maven): ${fetched.error.message}`;
  }
  if (existsSync(JAR)) return undefined;
  const said = /\[ERROR\] (\S.*)/.exec(fetched.stdout)?.[1] ?? fetched.stderr;
  return `Maven cannot fetch ${ARTIFACT}: ${said.slice(0, 500)}; a jar that lies elsewhere is named by ${OWN_JAR}`;
}

export interface LowkeyVault extends AsyncDisposable {
  readonly url: string;
  /** Where it gives out tokens, as a machine of Azure does. */
  readonly tokenUrl: string;
}

/** Starts an empty vault, whose certificate this process trusts until it is disposed of. */
export async function startLowkeyVault(): Promise<LowkeyVault> {
  const [port, tokenPort] = [await closedPort(), await closedPort()];
  const server = spawn(
    findJava() ?? 'java',
    [
      '-XX:TieredStopAtLevel=1',
      '-Dserver.address=127.0.0.1',
      '-jar',
      jar(),
      `--server.port=${port}`,
      `--app.token.port=${tokenPort}`,
      '--LOWKEY_VAULT_NAMES=vault',
    ],
    { stdio: 'ignore' },
  );
  const tokenUrl = `http://127.0.0.1:${tokenPort}/metadata/identity/oauth2/token`;
  const trusted = getCACertificates('default');
  await eventually('lowkey-vault answers', () => answers(`http://127.0.0.1:${tokenPort}/ping`), 200_000);
  setDefaultCACertificates([...trusted, await certificateAt(port)]);
  return {
    url: `https://127.0.0.1:${port}`,
    tokenUrl,
    async [Symbol.asyncDispose]() {
      setDefaultCACertificates(trusted);
      if (server.exitCode !== null) return;
      const ended = new Promise((resolve) => {
        server.once('exit', resolve);
      });
      server.kill();
      await ended;
    },
  };
}

function answers(url: string): Promise<boolean> {
  return fetch(url, { signal: AbortSignal.timeout(5_000) }).then(
    ({ ok }) => ok,
    () => false,
  );
}

/** It signs its certificate itself. */
function certificateAt(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false }, () => {
      const pem = socket.getPeerX509Certificate()?.toString();
      socket.destroy();
      if (pem === undefined) reject(new Error('lowkey-vault shows no certificate'));
      else resolve(pem);
    });
    socket.once('error', reject);
  });
}
