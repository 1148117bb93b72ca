import { access, constants } from 'node:fs/promises';
import { isAbsolute } from 'node:path';

import { z } from 'zod';

import { defineChannel, type ChannelInstance } from '../../src/plugin/channel.ts';
import { delivered, failed, type Failure } from '../../src/plugin/delivery.ts';
import { NOTIFICATION_REASONS, type Notification } from '../../src/plugin/notification.ts';
import { durationOption } from '../../src/plugin/options.ts';
import { payload } from '../../src/plugin/payload.ts';
import { without } from '../../src/plugin/post.ts';
import { safeText } from '../../src/text/safe-text.ts';
import { runCommand, type Ending } from './process.ts';

const MAX_ARGUMENTS = 64;
const MAX_ARGUMENT = 4_096;
const MAX_TIMEOUT_MS = 3_600_000;
/** What is repeated of the last line of the error output. */
const MAX_EXCERPT = 160;
/** sysexits.h: the failure is temporary, the user is invited to try again. */
const EX_TEMPFAIL = 75;

/** What every command gets of the daemon's environment; secrets of others lie there too. */
const PASSED_ENVIRONMENT = ['PATH', 'HOME', 'LANG', 'LC_ALL', 'TZ', 'TMPDIR'];

const variable = z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'the name of an environment variable');

const options = z.strictObject({
  command: z
    .array(z.string().max(MAX_ARGUMENT))
    .min(1)
    .max(MAX_ARGUMENTS)
    .refine(([program]) => program !== undefined && isAbsolute(program), 'begins with the absolute path of a program')
    .refine((parts) => parts.every((part) => !part.includes('\0')), 'holds a NUL')
    .describe('Program, by absolute path, and its arguments, as they are: no shell reads them.'),
  reasons: z
    .array(z.enum(NOTIFICATION_REASONS))
    .min(1)
    .default(['first', 'worse', 'changed', 'repeat'])
    .describe('For which reasons it runs. The others count as delivered.'),
  timeout: durationOption('A command that runs longer is ended with all that it began.', '5m'),
  folder: z
    .string()
    .refine(isAbsolute, 'an absolute path')
    .optional()
    .describe('Where it runs. Default: where the daemon runs.'),
  environment: z
    .record(variable, z.string().max(MAX_ARGUMENT))
    .default({})
    .describe('Variables to set. Not for secrets.'),
  pass_environment: z
    .array(variable)
    .max(MAX_ARGUMENTS)
    .default([])
    .describe("Further variables of the daemon's environment that it gets. Their values are kept out of logs."),
});

/** Runs a command of yours with the notification as JSON on its standard input. */
export const exec = defineChannel({
  type: 'exec',
  summary: 'a command, with the notification as JSON on its standard input',
  options,
  async create({ command, reasons, timeout, folder, environment, pass_environment: passed }): Promise<ChannelInstance> {
    const [program, ...rest] = command;
    if (program === undefined) throw new Error('the command is empty');
    if (timeout > MAX_TIMEOUT_MS) throw new Error('timeout: at most 1h; let the command begin what takes longer');

    async function run(notification: Notification, stop: AbortSignal): Promise<Failure | undefined> {
      const inherited = inheritedEnvironment([...PASSED_ENVIRONMENT, ...passed]);
      const deadline = AbortSignal.timeout(timeout);
      const ending = await runCommand(
        {
          program: program as string,
          arguments: rest,
          folder,
          environment: { ...inherited, ...environment, ...factsOf(notification) },
          input: `${JSON.stringify(payload(notification))}\n`,
        },
        AbortSignal.any([stop, deadline]),
      );
      const secrets = passed.flatMap((name) => inherited[name] ?? []);
      return failureOf(ending, secrets, deadline.aborted ? timeout : undefined);
    }

    return {
      recipients: () => [program],
      // The command's own deadline comes first, and it needs a moment to end.
      deadlineMs: timeout + 5_000,
      async send(notification, to, _previous, signal) {
        const isWanted = notification.kind === 'test' || reasons.includes(notification.reason);
        const failure = isWanted ? await run(notification, signal) : undefined;
        return to.map((recipient) => (failure === undefined ? delivered(recipient) : failed(recipient, failure)));
      },
      async verify() {
        await access(program, constants.X_OK).catch((error: NodeJS.ErrnoException) => {
          throw new Error(`${program} cannot be executed (${error.code ?? error.name})`, { cause: error });
        });
      },
    };
  },
});

function inheritedEnvironment(names: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = process.env[name];
      return value === undefined ? [] : [[name, value]];
    }),
  );
}

/** For commands that read no JSON. Nothing in them comes from a certificate. */
function factsOf({ id, kind, reason, severity, group }: Notification): Readonly<Record<string, string>> {
  return {
    NOTAFTER_ID: safeText(id),
    NOTAFTER_KIND: kind,
    NOTAFTER_REASON: reason,
    NOTAFTER_SEVERITY: severity,
    NOTAFTER_GROUP: safeText(group),
  };
}

/**
 * A command may have done half of its work, and renewals are counted by CAs: it is run again for the same notification
 * only when it asks for that, or when it did not start at all.
 */
function failureOf(ending: Ending, secrets: readonly string[], timeoutMs: number | undefined): Failure | undefined {
  switch (ending.kind) {
    case 'exit': {
      if (ending.code === 0) return undefined;
      const detail = `the command ended with exit code ${ending.code}${lastLine(ending.output, secrets)}`;
      return ending.code === EX_TEMPFAIL
        ? { reason: 'server_error', detail, retryable: true }
        : { reason: 'rejected', detail, retryable: false };
    }
    case 'signal':
      return {
        reason: 'server_error',
        detail: `the command was ended by ${ending.signal}${lastLine(ending.output, secrets)}`,
        retryable: false,
      };
    case 'stopped':
      return timeoutMs === undefined
        ? { reason: 'timeout', detail: 'the command was stopped with the daemon', retryable: true }
        : {
            reason: 'timeout',
            detail: `the command ran longer than ${timeoutMs / 1_000} s and was ended`,
            retryable: false,
          };
    case 'not started':
      return {
        reason: 'internal',
        detail: `the command could not be started (${ending.code}): see that the file is there and may be executed`,
        retryable: true,
      };
  }
}

function lastLine(output: string, secrets: readonly string[]): string {
  const line =
    without(output, secrets)
      .trim()
      .split(/[\r\n]+/)
      .at(-1) ?? '';
  return line === '' ? '' : `: ${safeText(line, { max: MAX_EXCERPT })}`;
}
