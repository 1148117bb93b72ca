import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { createAuthority, selfSigned, type Authority, type IssueOptions, type TestCertificate } from './pki.ts';
import { startTcpServer, startTlsServer, type Listening, type RunningTls } from './servers.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;

/** What a scenario needs of the lab that stages it. */
export interface Stage {
  readonly root: Authority;
  readonly intermediate: Authority;
  /** Folder for files. */
  readonly folder: string;
}

/** Something that stands: a server's port or a file's path. */
export interface Staged {
  /** What `check` and the config are given. */
  readonly target: string;
  readonly certificate?: TestCertificate;
  readonly server?: RunningTls;
  close(): Promise<void>;
}

/** One situation that a fleet holds, with what notafter must say about it. */
export interface Scenario {
  readonly name: string;
  readonly kind: 'endpoint' | 'file';
  /** One sentence for the demo. */
  readonly what: string;
  /** The rule and severity that it raises at once; absent when all is well. */
  readonly finding?: { readonly rule: string; readonly severity: 'info' | 'warning' | 'critical' };
  /** Why the look fails, for a place that cannot be read. */
  readonly reason?: string;
  stage(stage: Stage): Promise<Staged>;
}

const at = (fromNowMs: number): Date => new Date(Date.now() + fromNowMs);

function serving(
  name: string,
  what: string,
  issue: (stage: Stage) => TestCertificate,
  finding?: Scenario['finding'],
  tls = {},
): Scenario {
  return {
    name,
    kind: 'endpoint',
    what,
    ...(finding === undefined ? {} : { finding }),
    async stage(stage) {
      const certificate = issue(stage);
      const options =
        name === 'mutual'
          ? { requestCert: true, rejectUnauthorized: true, ca: stage.root.certificate.pem, ...tls }
          : tls;
      const server = await startTlsServer(certificate, options);
      return { target: `127.0.0.1:${server.port}`, certificate, server, close: () => server.close() };
    },
  };
}

function leaf(name: string, options: IssueOptions): (stage: Stage) => TestCertificate {
  return (stage) =>
    stage.intermediate.issue({
      commonName: `${name}.lab.test`,
      names: [`${name}.lab.test`, 'localhost', '127.0.0.1'],
      ...options,
    });
}

function listening(name: string, what: string, reason: string, behave: Parameters<typeof startTcpServer>[0]): Scenario {
  return {
    name,
    kind: 'endpoint',
    what,
    reason,
    finding: { rule: 'unreachable', severity: 'info' },
    async stage() {
      const server: Listening = await startTcpServer(behave);
      return { target: `127.0.0.1:${server.port}`, close: () => server.close() };
    },
  };
}

function holding(
  name: string,
  what: string,
  content: (stage: Stage) => string | Uint8Array,
  more: Pick<Scenario, 'finding' | 'reason'> = {},
): Scenario {
  return {
    name,
    kind: 'file',
    what,
    ...more,
    async stage(stage) {
      mkdirSync(stage.folder, { recursive: true });
      const target = path.join(stage.folder, `${name}.pem`);
      writeFileSync(target, content(stage));
      return { target, close: () => Promise.resolve() };
    },
  };
}

/** The one list of situations: the demo shows them, the end-to-end tests assert them. */
export const SCENARIOS: readonly Scenario[] = [
  serving('valid', 'a healthy server', leaf('valid', { notAfter: at(80 * DAY_MS) })),
  serving(
    'expired',
    'its certificate ended two days ago',
    leaf('expired', { notBefore: at(-90 * DAY_MS), notAfter: at(-2 * DAY_MS) }),
    { rule: 'expired', severity: 'critical' },
  ),
  serving('ending', 'it ends in five days', leaf('ending', { notBefore: at(-85 * DAY_MS), notAfter: at(5 * DAY_MS) }), {
    rule: 'expiring',
    severity: 'critical',
  }),
  serving(
    'renewing',
    'it ends in fifteen days',
    leaf('renewing', { notBefore: at(-75 * DAY_MS), notAfter: at(15 * DAY_MS) }),
    { rule: 'expiring', severity: 'warning' },
  ),
  serving('self-signed', 'nobody vouches for it', () =>
    selfSigned({ commonName: 'self-signed.lab.test', names: ['localhost', '127.0.0.1'], notAfter: at(80 * DAY_MS) }),
  ),
  serving('wrong-host', 'its certificate is for another name', (stage) =>
    stage.intermediate.issue({ names: ['elsewhere.lab.test'], notAfter: at(80 * DAY_MS) }),
  ),
  serving('mutual', 'it lets in only clients with a certificate', leaf('mutual', { notAfter: at(80 * DAY_MS) })),
  listening('silent', 'it accepts and never says a word', 'timeout', () => undefined),
  listening('not-tls', 'it speaks SSH', 'not_tls', (socket) => socket.end('SSH-2.0-OpenSSH_9.6\r\n')),
  holding(
    'file-valid',
    'a client certificate beside its chain',
    (stage) =>
      stage.intermediate.issue({
        commonName: 'billing',
        names: [],
        extendedKeyUsage: ['clientAuth'],
        notAfter: at(200 * DAY_MS),
      }).chainPem,
  ),
  holding(
    'file-ending',
    'a client certificate that ends in three days',
    (stage) =>
      stage.intermediate.issue({
        commonName: 'reporting',
        names: [],
        extendedKeyUsage: ['clientAuth'],
        notBefore: at(-87 * DAY_MS),
        notAfter: at(3 * DAY_MS),
      }).pem,
    { finding: { rule: 'expiring', severity: 'critical' } },
  ),
  holding(
    'file-expired',
    'a server certificate that ended an hour ago',
    (stage) =>
      stage.intermediate.issue({ names: ['old.lab.test'], notBefore: at(-30 * DAY_MS), notAfter: at(-60 * MINUTE_MS) })
        .pem,
    { finding: { rule: 'expired', severity: 'critical' } },
  ),
  holding('file-empty', 'an empty file', () => '', {
    reason: 'empty',
    finding: { rule: 'unreadable', severity: 'info' },
  }),
  holding('file-broken', 'a certificate that was cut off', (stage) => stage.root.certificate.pem.slice(0, 200), {
    reason: 'malformed',
    finding: { rule: 'unreadable', severity: 'info' },
  }),
];

/** A stage with an authority and an intermediate of its own. */
export function createStage(folder: string): Stage {
  const root = createAuthority({ name: 'Lab Root CA', days: 3650 });
  return { root, intermediate: createAuthority({ name: 'Lab Issuing CA', days: 1800, parent: root }), folder };
}
