import { pino } from 'pino';

import type { Config } from '../../config/config.ts';
import type { Logger } from '../../plugin/logger.ts';
import { terminalText } from '../../text/terminal.ts';

/** Fields that may hold a secret, wherever they stand. */
const SECRETS = ['password', 'token', 'secret', 'authorization', 'url'].flatMap((name) => [name, `*.${name}`]);

/** What waits while stderr takes nothing, octets; beyond that the newest lines are lost. */
const MAX_WAITING = 1024 * 1024;

/** Logs go to stderr: stdout is for answers. Where they cannot be written (a full disk), everything else goes on. */
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
  const destination = pino.destination({ dest: 2, sync: true, maxLength: MAX_WAITING });
  // What could not be written is tried again with the next line.
  destination.on('error', () => undefined);
  return pino(options, format === 'json' ? destination : { write: (line) => destination.write(asText(line)) });
}

/** `06:12:01 warn  look failed  source=disk target=/etc/ssl` */
function asText(line: string): string {
  const { level, time, msg, ...fields } = JSON.parse(line) as { level: string; time: string; msg: string } & Record<
    string,
    unknown
  >;
  const details = Object.entries(fields).map(([name, value]) => `${name}=${terminalText(valueText(value))}`);
  return `${time.slice(11, 19)} ${level.padEnd(5)} ${msg}${details.length > 0 ? `  ${details.join(' ')}` : ''}\n`;
}

function valueText(value: unknown): string {
  if (typeof value === 'string') return value;
  const message = typeof value === 'object' && value !== null && 'message' in value ? value.message : undefined;
  return typeof message === 'string' ? message : JSON.stringify(value);
}
