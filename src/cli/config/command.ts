import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';

import { Command } from 'commander';

import { ConfigError } from '../../config/document.ts';
import { loadConfig, placeInConfig } from '../../config/load.ts';
import { networkOptions } from '../../config/network-section.ts';
import { BUILT_IN } from '../../config/plugins.ts';
import { configJsonSchema } from '../../config/schema.ts';
import { openChannels, planSource } from '../../daemon-plans.ts';
import { createChains } from '../../look/chains.ts';
import { createContext, readSecret } from '../../look/context.ts';
import { createNetwork } from '../../network/create-network.ts';
import { createLimiters } from '../../network/limiter.ts';
import { counted } from '../../policy/wording.ts';
import { createRedaction } from '../../text/redaction.ts';
import { loadTrust } from '../../tls/trust.ts';
import { complain, EXIT, print } from '../output.ts';
import { initialConfig } from './init.ts';
import { tryPermissions } from './permissions.ts';

const PROBE_DEADLINE_MS = 20_000;

export function configCommand(): Command {
  const command = new Command('config')
    .summary('check, begin or describe a config')
    .description('Check, begin or describe a config.');
  command
    .command('check')
    .summary('say everything that is wrong with a config')
    .description(
      'Read a config as the daemon would and say everything that is wrong with it, with file, line and column.\nExit code 0: it can be used. 3: it cannot.',
    )
    .option('--config <file>', 'the config file', 'notafter.yaml')
    .option(
      '--probe',
      'also prove the credentials of the channels, without sending anything to anybody, and say which calls the sources may make',
    )
    .action(async (options: { config: string; probe?: true }) => {
      process.exitCode = await check(options.config, options.probe === true);
    });
  command
    .command('init')
    .summary('write a config from what this machine holds')
    .description(
      'Write a config that watches what is found on this machine: certificate folders, keystores of services, local TLS ports.',
    )
    .option('--config <file>', 'where to write it', 'notafter.yaml')
    .option('--stdout', 'print it instead')
    .action(async (options: { config: string; stdout?: true }) => {
      const text = await initialConfig();
      if (options.stdout) {
        print(text);
        return;
      }
      if (existsSync(options.config)) {
        throw new Error(`${options.config} is there already and is not overwritten; --config names another file`);
      }
      await writeFile(options.config, `${text}\n`, { flag: 'wx' });
      print(`Wrote ${options.config}. Next: notafter run --config ${options.config}`);
    });
  command
    .command('schema')
    .summary('print the JSON Schema of the config')
    .description(
      'Print the JSON Schema of the config, for editors: put "# yaml-language-server: $schema=notafter.schema.json" on its first line.',
    )
    .option('--config <file>', 'a config file, for its plugins')
    .action(async ({ config }: { config?: string }) => {
      const plugins = config === undefined ? BUILT_IN : (await loadConfig(config, process.env)).plugins;
      print(JSON.stringify(configJsonSchema(plugins), undefined, 2));
    });
  return command;
}

async function check(file: string, probe: boolean): Promise<number> {
  try {
    const config = await loadConfig(file, process.env);
    const quiet = { debug() {}, info() {}, warn() {}, error() {} };
    const redaction = createRedaction();
    const context = createContext({
      redaction,
      clock: { now: Date.now },
      log: quiet,
      network: createNetwork(networkOptions(config.network, (reference) => readSecret(reference, process.env))),
      limit: createLimiters(),
      environment: process.env,
    });
    const channels = await openChannels(config, context);
    const chains = createChains(() => loadTrust(), { now: Date.now });
    let bad = 0;
    for (const [index, source] of config.sources.entries()) {
      const plan = planSource(source, config.trust, { context, chains, redaction });
      const { instance } = await plan.open().catch(async (error: unknown) => {
        const place = await placeInConfig(file, process.env, ['sources', index]);
        throw new ConfigError(file, [{ ...place, message: error instanceof Error ? error.message : String(error) }]);
      });
      if (probe && !(await tryPermissions(source.name, instance))) bad++;
      await instance.close?.();
    }
    if (probe) {
      for (const [name, channel] of channels) {
        try {
          await channel.verify?.(AbortSignal.timeout(PROBE_DEADLINE_MS));
          print(
            channel.verify === undefined
              ? `channel ${name}: cannot be proven without sending; try "notafter channel test ${name}"`
              : `channel ${name}: ok`,
          );
        } catch (error) {
          bad++;
          complain(`channel ${name}: ${error instanceof Error ? error.message : String(error)}`);
        }
      }
    }
    for (const channel of channels.values()) await channel.close?.();
    if (bad > 0) return EXIT.unknown;
    const unwatched = config.sources.length === 0 ? ' Nothing is watched: there is no source.' : '';
    print(
      `${file} is fine: ${counted(config.sources.length, 'source')}, ${counted(config.channels.length, 'channel')}, ${counted(config.routes.length, 'route')}.${unwatched}`,
    );
    return EXIT.ok;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    complain(error.message);
    return EXIT.unknown;
  }
}
