import { pino } from 'pino';

import type { Config } from '../../config/config.ts';
import type { Logger } from '../../plugin/logger.ts';
import { terminalText } from '../../text/terminal.ts';

/** Fields that may hold a secret, wherever they stand. */
const SECRETS = ['password', 'token', 'secret', 'authorization', 'url'].flatMap((name) => [name, `*.${name}`]);

/** Logs go to stderr: stdout is for answers. */
export function createLogger(config: Config['log']): Logger {
  const format = config.format ?? (process.stderr.isTTY ? 'text' : 'json');
  const options = {
    level: config.level,
    redact: SECRETS,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    serializers: { error: pino.stdSerializers.err },
  };
  return format === 'json'
    ? pino(options, pino.destination({ dest: 2, sync: true }))
    : pino(options, { write: writeText });
}

/** `06:12:01 warn  look failed  source=disk target=/etc/ssl` */
function writeText(line: string): void {
  const { level, time, msg, ...fields } = JSON.parse(line) as { level: string; time: string; msg: string } & Record<
    string,
    unknown
  >;
  const details = Object.entries(fields).map(([name, value]) => `${name}=${terminalText(valueText(value))}`);
  process.stderr.write(
    `${time.slice(11, 19)} ${level.padEnd(5)} ${msg}${details.length > 0 ? `  ${details.join(' ')}` : ''}\n`,
  );
}

function valueText(value: unknown): string {
  if (typeof value === 'string') return value;
  const message = typeof value === 'object' && value !== null && 'message' in value ? value.message : undefined;
  return typeof message === 'string' ? message : JSON.stringify(value);
}
