import { Command } from 'commander';

import { loadConfig } from '../config/load.ts';
import { BUILT_IN } from '../config/plugins.ts';
import { print } from './output.ts';
import { table, terminalWidth } from './table.ts';

interface Plugin {
  readonly type: string;
  readonly summary: string;
}

export function pluginsCommand(): Command {
  return new Command('plugins')
    .summary('list what can be looked at and who can be told')
    .description(
      'List the collectors (types of sources) and the channels: those of notafter and, with --config, those that the plugins of a config bring.',
    )
    .option('--config <file>', 'a config file, for its plugins')
    .option('--json', 'print one JSON document instead of tables')
    .action(async (options: { config?: string; json?: true }) => {
      const { collectors, channels } =
        options.config === undefined ? BUILT_IN : (await loadConfig(options.config, process.env)).plugins;
      const plain = (plugins: readonly Plugin[]): readonly Plugin[] =>
        plugins.map(({ type, summary }) => ({ type, summary }));
      if (options.json) {
        print(JSON.stringify({ collectors: plain(collectors), channels: plain(channels) }, undefined, 2));
        return;
      }
      const columns = (title: string): Parameters<typeof table<Plugin>>[0] => [
        { title, text: (plugin) => plugin.type },
        { title: 'WHAT IT DOES', text: (plugin) => plugin.summary, shrinks: true },
      ];
      print(table(columns('COLLECTOR'), collectors, terminalWidth()));
      print('');
      print(table(columns('CHANNEL'), channels, terminalWidth()));
    });
}
