import { Command, InvalidArgumentError } from 'commander';

import { prepareRehearsal, type RehearsalFlags } from '../../../collectors/endpoint/check-options.ts';
import { createContext } from '../../look/context.ts';
import { createNetwork } from '../../network/create-network.ts';
import { createLimiters } from '../../network/limiter.ts';
import type { Logger } from '../../plugin/logger.ts';
import type { Severity } from '../../plugin/notification.ts';
import { parseDate } from '../../policy/period.ts';
import { counted } from '../../policy/wording.ts';
import { terminalText } from '../../text/terminal.ts';
import { complain, EXIT, type ExitCode, print, showProgress } from '../output.ts';
import { terminalWidth } from '../table.ts';
import { jsonReport } from './report.ts';
import { scan, sentence, type Scan } from './scan.ts';
import { screen } from './screen.ts';
import { classify } from './targets.ts';

const HELP = `
Looks once at each TARGET and says what ends, when, and what is wrong. Nothing is stored and nothing is sent.

A target is a host (example.com, example.com:8443, [2001:db8::1]:443, https://example.com), a file, a directory or a
glob ('/etc/ssl/**/*.pem'). Hosts are probed at every address of their name; an invalid certificate is read like any
other.

The exit code follows the Nagios convention, so check can be a monitoring plugin or a step of a pipeline:
  0  everything is fine
  1  something needs attention soon (warning)
  2  something is or will be broken very soon (critical)
  3  a target gave nothing that could be read

Keystores (PKCS#12, JKS, JCEKS, BKS) and encrypted keys are opened with the passwords of --password-file; the empty one
and "changeit" are tried in any case, and Java's keystores show their certificates without any.

Examples:
  notafter check example.com mail.example.com:993
  notafter check /etc/letsencrypt/live --json
  notafter check /opt/app/keystore.p12 --password-file secret.txt
  notafter check api.example.com --at 2027-03-01     what would be said on that day

A chain that this machine does not trust is a note, since most private CAs are unknown to it. Say whom the clients trust,
and it is an error:
  notafter check api.internal --ca-file /etc/ssl/internal-ca.pem

With a client certificate, notafter logs in to every endpoint with it (a rehearsal), and says whether the server accepts
it, also where a server of TLS 1.3 decides only after the handshake or in its answer to a request:
  notafter check api.example.com --client-cert client.pem --client-key client.key
  notafter check api.example.com --client-pkcs12 client.p12 --password-file secret.txt --request "GET /v1/status"

Several identities are tried in one go, each in turn, and nobody without one last. The first key belongs to the first
certificate, the second to the second; keystores come after them. An identity that cannot be read ends the command
before anything is looked at:
  notafter check api.example.com --client-cert old.pem --client-key old.key --client-cert new.pem --client-key new.key`;

const QUIET: Logger = { debug() {}, info() {}, warn() {}, error() {} };

export function checkCommand(): Command {
  return new Command('check')
    .summary('look once at hosts, files and directories')
    .description('Look once at hosts, files and directories, and say what ends when.')
    .argument('<target...>', 'hosts, files, directories or globs')
    .option('--json', 'print one JSON document instead of a table')
    .option('--at <date>', 'judge as of this moment (ISO 8601; UTC where it names no zone)', parseMoment)
    .option(
      '--client-cert <file>',
      'log in with this client certificate, and the intermediates behind it (PEM); repeatable',
      collect,
    )
    .option(
      '--client-key <file>',
      'the private key of the client certificate (PEM); repeatable, in the order of the certificates',
      collect,
    )
    .option('--client-pkcs12 <file>', 'log in with the client certificate of this keystore; repeatable', collect)
    .option('--password-file <file>', 'a file with passwords of keys and keystores, one a line; repeatable', collect)
    .option(
      '--request <request>',
      'what to ask for the verdict: "GET /path", "grpc SERVICE", "postgres USER DATABASE", or none (default: HEAD / where HTTP is spoken)',
    )
    .option('--proxy <url>', 'reach endpoints through this proxy: socks5://, socks5h:// or http://host:port')
    .option('--ca-file <file>', 'trust these CA certificates too, as the clients do (PEM or DER); repeatable', collect)
    .option('--verbose', 'show what passed on the wire as well: messages, extensions and alerts of both sides')
    .option('--all', 'show every certificate at every place, every note, and everything that could not be read')
    .addHelpText('after', HELP)
    .action(async (words: string[], options: CheckOptions) => {
      process.exitCode = await check(words, options);
    });
}

interface CheckOptions extends RehearsalFlags {
  readonly json?: true;
  readonly at?: number;
  readonly all?: true;
  readonly caFile?: readonly string[];
  readonly verbose?: true;
}

function collect(value: string, earlier: readonly string[] = []): readonly string[] {
  return [...earlier, value];
}

async function check(words: readonly string[], options: CheckOptions): Promise<ExitCode> {
  const { signal } = new AbortController();
  const context = createContext({
    clock: { now: Date.now },
    log: QUIET,
    network: createNetwork(),
    limit: createLimiters(),
    environment: process.env,
  });
  const rehearsal = await prepareRehearsal(options, context, signal);
  const at = options.at ?? Date.now();
  const targets = [...new Map(words.map((word) => classify(word)).map((target) => [target.text, target])).values()];
  let done = 0;
  const stop = showProgress(() => `checked ${done} of ${counted(targets.length, 'target')} …`);
  let result: Scan;
  try {
    const { caFile: caFiles = [], passwordFile: passwordFiles = [] } = options;
    result = await scan(targets, at, { rehearsal, caFiles, passwordFiles }, context, signal, (count) => {
      done = count;
    });
  } finally {
    stop();
  }
  if (options.json) {
    print(JSON.stringify(jsonReport(result.checked, at, options.verbose === true), undefined, 2));
    for (const { target, detail } of result.unreadable) complain(terminalText(`notafter: ${sentence(target, detail)}`));
  } else {
    print(screen(result, at, { width: terminalWidth(), all: options.all === true, verbose: options.verbose === true }));
  }
  return exitCode(result);
}

/** The worst of critical, warning, nothing readable, ok, in that order. */
function exitCode(result: Scan): ExitCode {
  const severities = new Set<Severity>(
    result.checked.flatMap(({ findings }) => findings.map((finding) => finding.severity)),
  );
  if (severities.has('critical')) return EXIT.critical;
  if (severities.has('warning')) return EXIT.warning;
  return result.unreadable.length > 0 ? EXIT.unknown : EXIT.ok;
}

/** Dates without a zone are UTC, as everywhere in notafter. */
function parseMoment(text: string): number {
  const at = parseDate(text);
  if (at !== undefined) return at;
  throw new InvalidArgumentError('expected a date such as 2027-03-01 or 2027-03-01T12:00:00Z');
}
