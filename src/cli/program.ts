import { Command } from 'commander';

import { channelCommand } from './channel.ts';
import { checkCommand } from './check/command.ts';
import { configCommand } from './config/command.ts';
import { explainCommand } from './explain/command.ts';
import { exportCommand } from './export.ts';
import { forecastCommand } from './forecast.ts';
import { listCommand } from './list.ts';
import { EXIT } from './output.ts';
import { pluginsCommand } from './plugins.ts';
import { runCommand } from './run/command.ts';
import { runbookCommand } from './runbook/command.ts';
import { ackCommand, silenceCommand } from './silence.ts';
import { storeCommand } from './store.ts';
import { version } from './version.ts';

const HELP = `
Start here:
  notafter check example.com          look at one host now
  notafter config init                write a config from what this machine holds
  notafter run                        watch everything in notafter.yaml

Every command explains itself: notafter <command> --help`;

export function createProgram(): Command {
  const program = new Command('notafter')
    .description(
      'Watches every certificate an organisation depends on, and makes sure nobody is surprised by its last day.',
    )
    .version(version(), '-V, --version', 'print the version')
    .showSuggestionAfterError()
    .configureHelp({ showGlobalOptions: true })
    .addHelpText('after', HELP)
    .exitOverride((error) => {
      // A wrong command line is "unknown" in the Nagios convention, so that no plugin reads it as a warning.
      process.exit(error.exitCode === 0 ? EXIT.ok : EXIT.unknown);
    });
  for (const command of [
    checkCommand(),
    runCommand(),
    listCommand(),
    explainCommand(),
    runbookCommand(),
    forecastCommand(),
    exportCommand(),
    configCommand(),
    silenceCommand(),
    ackCommand(),
    channelCommand(),
    storeCommand(),
    pluginsCommand(),
  ]) {
    program.addCommand(command.copyInheritedSettings(program));
    for (const nested of command.commands) nested.copyInheritedSettings(program);
  }
  return program;
}
