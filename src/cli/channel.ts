import { Command } from 'commander';
import { z } from 'zod';

import { terminalText } from '../text/terminal.ts';
import { askDaemon, withDaemonOptions, type DaemonOptions } from './daemon-api.ts';
import { complain, EXIT, print } from './output.ts';

/** What the daemon answers. */
const Result = z.object({ ok: z.boolean(), lines: z.array(z.string()) });

export function channelCommand(): Command {
  const command = new Command('channel').summary('try a channel').description('Try a channel.');
  const test = command
    .command('test')
    .argument('<name>', 'the name of the channel in the config')
    .summary('send a test notification')
    .description(
      'Let the running daemon send a test notification, and say what became of each recipient.\nExit code 0: everybody has it. 2: somebody does not. 3: the daemon could not be asked.',
    );
  withDaemonOptions(test).action(async (name: string, options: DaemonOptions) => {
    process.exitCode = await testChannel(name, options);
  });
  return command;
}

async function testChannel(name: string, options: DaemonOptions): Promise<number> {
  const answer = await askDaemon(options, `api/v1/channels/${encodeURIComponent(name)}/test`, { method: 'POST' });
  if (answer === undefined) return EXIT.unknown;
  const result = Result.safeParse(answer.value).data;
  if (result === undefined) {
    complain(`notafter: the answer of the daemon is not understood (HTTP ${answer.status})`);
    return EXIT.unknown;
  }
  for (const line of result.lines) (result.ok ? print : complain)(terminalText(`${name}: ${line}`));
  if (answer.status === 404) return EXIT.unknown;
  return result.ok ? EXIT.ok : EXIT.critical;
}
