import { hostname } from 'node:os';

import { Command, InvalidArgumentError, Option } from 'commander';

import { ConfigError } from '../../config/document.ts';
import { loadConfig } from '../../config/load.ts';
import { NODE_ROLES, type NodeRole } from '../../engine/nodes.ts';
import type { Config } from '../../config/config.ts';
import { startDaemon } from '../../daemon.ts';
import type { NodeOptions } from '../../daemon-cluster.ts';
import type { Logger } from '../../plugin/logger.ts';
import { counted } from '../../policy/wording.ts';
import type { Store } from '../../store/store.ts';
import { complain, EXIT, outliveReaders, print } from '../output.ts';
import { version } from '../version.ts';
import { createLogger } from './logger.ts';
import { nextSteps, whatWasFound } from './summary.ts';

const HELP = `
Looks at every source on its schedule, remembers what it sees, serves /metrics, and tells the channels before something
breaks. SIGHUP (or POST /-/reload) applies a changed config; an invalid one is never applied. SIGTERM ends it cleanly:
what was under way is done after the next start, and nothing is lost.

With "store: postgres://…" any number of nodes share the work: start each with the same config and a --node of its own.`;

/** New starts of one process because its store was damaged; a disk that damages more is a matter for people. */
const MAX_NEW_LIVES = 3;

export function runCommand(): Command {
  return new Command('run')
    .summary('watch everything in the config')
    .description('Run the daemon.')
    .option('--config <file>', 'the config file', 'notafter.yaml')
    .addOption(
      new Option('--role <role>', 'in a cluster: look and serve, only look, or only serve')
        .choices(NODE_ROLES)
        .default('all'),
    )
    .option('--node <name>', 'in a cluster: the name of this node', nameArgument, hostname())
    .option('--zone <name>', 'in a cluster: where this node stands, for sources with zones', nameArgument)
    .addHelpText('after', HELP)
    .action(async (options: RunOptions) => {
      process.exitCode = await run(options);
    });
}

interface RunOptions {
  readonly config: string;
  readonly role: NodeRole;
  readonly node: string;
  readonly zone?: string;
}

function nameArgument(text: string): string {
  if (/^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/.test(text)) return text;
  throw new InvalidArgumentError('letters, digits, "_", "." and "-", at most 64, beginning with a letter or digit');
}

async function run({ config: file, role, node, zone }: RunOptions): Promise<number> {
  const seat: NodeOptions = { name: node, role, ...(zone === undefined ? {} : { zone }) };
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
  outliveReaders();
  const ended = new Promise<'stopped'>((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      process.once(signal, () => {
        log.info({ signal }, 'stopping');
        resolve('stopped');
      });
    }
  });
  for (let lives = 0; lives <= MAX_NEW_LIVES; lives += 1) {
    if ((await live(file, config, seat, log, load, ended)) === 'stopped') return EXIT.ok;
    try {
      config = await load();
    } catch (error) {
      log.error({ error }, 'the config is no longer valid; the old one stays in force');
    }
  }
  complain('the store was damaged again and again: check the disk, then start notafter anew');
  return EXIT.unknown;
}

/** From a start to the end, or until the store turns out to be damaged, or a node to have lost track of the others. */
async function live(
  file: string,
  config: Config,
  seat: NodeOptions,
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
    node: seat,
    onLost: () => resolve('damaged'),
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
