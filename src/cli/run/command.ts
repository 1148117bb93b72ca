import { Command } from 'commander';

import { ConfigError } from '../../config/document.ts';
import { loadConfig } from '../../config/load.ts';
import type { Config } from '../../config/config.ts';
import { startDaemon } from '../../daemon.ts';
import type { Logger } from '../../plugin/logger.ts';
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

/** New starts of one process because its store was damaged; a disk that damages more is a matter for people. */
const MAX_NEW_LIVES = 3;

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
  const ended = new Promise<'stopped'>((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      process.once(signal, () => {
        log.info({ signal }, 'stopping');
        resolve('stopped');
      });
    }
  });
  for (let lives = 0; lives <= MAX_NEW_LIVES; lives += 1) {
    if ((await live(file, config, log, load, ended)) === 'stopped') return EXIT.ok;
    try {
      config = await load();
    } catch (error) {
      log.error({ error }, 'the config is no longer valid; the old one stays in force');
    }
  }
  complain('the store was damaged again and again: check the disk, then start notafter anew');
  return EXIT.unknown;
}

/** From a start to the end, or until the store turns out to be damaged. */
async function live(
  file: string,
  config: Config,
  log: Logger,
  load: () => Promise<Config>,
  ended: Promise<'stopped'>,
): Promise<'stopped' | 'damaged'> {
  const { promise: damaged, resolve } = Promise.withResolvers<'damaged'>();
  const daemon = await startDaemon({
    config,
    version: version(),
    log,
    loadConfig: load,
    onFirstRounds: (store, unfinished) => void announce(store, unfinished, config),
    onDamage: () => resolve('damaged'),
  });
  print(`notafter ${version()} watches ${counted(config.sources.length, 'source')} of ${file}`);
  print(`  metrics  ${daemon.url}/metrics`);
  print(`  ready    ${daemon.url}/-/ready`);

  const reload = (): void => void daemon.reload();
  process.on('SIGHUP', reload);
  const end = await Promise.race([ended, damaged]);
  process.off('SIGHUP', reload);
  await daemon.stop();
  return end;
}

async function announce(store: Store, unfinished: readonly string[], config: Config): Promise<void> {
  print(await whatWasFound(store, unfinished, Date.now()));
  const steps = nextSteps(config);
  if (steps !== '') print(steps);
}
