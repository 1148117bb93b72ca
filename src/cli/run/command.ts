import { Command } from 'commander';

import { ConfigError } from '../../config/document.ts';
import { loadConfig } from '../../config/load.ts';
import type { Config } from '../../config/config.ts';
import { startDaemon } from '../../daemon.ts';
import { counted } from '../../policy/wording.ts';
import type { Store } from '../../store/store.ts';
import { complain, EXIT, print } from '../output.ts';
import { version } from '../version.ts';
import { createLogger } from './logger.ts';
import { nextSteps, whatWasFound } from './summary.ts';

const HELP = `
Looks at every source on its schedule, remembers what it sees, serves /metrics, and tells the channels before something
breaks. SIGHUP (or POST /-/reload) applies a changed config; an invalid one is never applied. SIGTERM ends it cleanly:
what was under way is done after the next start, and nothing is lost.`;

export function runCommand(): Command {
  return new Command('run')
    .summary('watch everything in the config')
    .description('Run the daemon.')
    .option('--config <file>', 'the config file', 'notafter.yaml')
    .addHelpText('after', HELP)
    .action(async (options: { config: string }) => {
      process.exitCode = await run(options.config);
    });
}

async function run(file: string): Promise<number> {
  const load = (): Promise<Config> => loadConfig(file, process.env);
  let config: Config;
  try {
    config = await load();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    complain(error.message);
    return EXIT.unknown;
  }
  const log = createLogger(config.log);
  const daemon = await startDaemon({
    config,
    version: version(),
    log,
    loadConfig: load,
    onFirstRounds: (store, unfinished) => void announce(store, unfinished, config),
  });
  print(`notafter ${version()} watches ${counted(config.sources.length, 'source')} of ${file}`);
  print(`  metrics  ${daemon.url}/metrics`);
  print(`  ready    ${daemon.url}/-/ready`);

  process.on('SIGHUP', () => void daemon.reload());
  const name = await new Promise<string>((resolve) => {
    process.once('SIGTERM', resolve);
    process.once('SIGINT', resolve);
  });
  log.info({ signal: name }, 'stopping');
  await daemon.stop();
  return EXIT.ok;
}

async function announce(store: Store, unfinished: readonly string[], config: Config): Promise<void> {
  print(await whatWasFound(store, unfinished, Date.now()));
  const steps = nextSteps(config);
  if (steps !== '') print(steps);
}
