import { Command } from 'commander';
import { z } from 'zod';

import { loadConfig } from '../config/load.ts';
import { terminalText } from '../text/terminal.ts';
import { complain, EXIT, print } from './output.ts';

const DEADLINE_MS = 45_000;

/** What the daemon answers. */
const Result = z.object({ ok: z.boolean(), lines: z.array(z.string()) });

export function channelCommand(): Command {
  const command = new Command('channel').summary('try a channel').description('Try a channel.');
  command
    .command('test')
    .argument('<name>', 'the name of the channel in the config')
    .summary('send a test notification')
    .description(
      'Let the running daemon send a test notification, and say what became of each recipient.\nExit code 0: everybody has it. 2: somebody does not. 3: the daemon could not be asked.',
    )
    .option('--config <file>', 'the config file, for the address of the daemon', 'notafter.yaml')
    .option('--url <url>', 'where the daemon serves, instead of what the config says')
    .action(async (name: string, options: { config: string; url?: string }) => {
      process.exitCode = await test(name, options.url ?? (await urlOf(options.config)));
    });
  return command;
}

async function urlOf(file: string): Promise<string> {
  const { web } = await loadConfig(file, process.env);
  const host =
    web.host === '0.0.0.0' || web.host === '::' ? 'localhost' : web.host.includes(':') ? `[${web.host}]` : web.host;
  return `http://${host}:${web.port}`;
}

async function test(name: string, url: string): Promise<number> {
  let answer: Response;
  try {
    answer = await fetch(
      new URL(`api/v1/channels/${encodeURIComponent(name)}/test`, url.endsWith('/') ? url : `${url}/`),
      { method: 'POST', signal: AbortSignal.timeout(DEADLINE_MS) },
    );
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error);
    complain(`notafter: no daemon answers at ${url} (${cause}); start it with "notafter run", or name it with --url`);
    return EXIT.unknown;
  }
  const result = resultOf(await answer.text());
  if (result === undefined) {
    complain(`notafter: what answers at ${url} is not notafter (HTTP ${answer.status})`);
    return EXIT.unknown;
  }
  for (const line of result.lines) (result.ok ? print : complain)(terminalText(`${name}: ${line}`));
  if (answer.status === 404) return EXIT.unknown;
  return result.ok ? EXIT.ok : EXIT.critical;
}

/** Undefined when it is not the answer of a notafter. */
function resultOf(text: string): z.output<typeof Result> | undefined {
  try {
    return Result.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}
