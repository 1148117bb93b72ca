import { Command } from 'commander';

import { channels } from '../../alerts/index.ts';
import { collectors } from '../../collectors/index.ts';
import { print } from './output.ts';
import { table, terminalWidth } from './table.ts';

interface Plugin {
  readonly type: string;
  readonly summary: string;
}

export function pluginsCommand(): Command {
  return new Command('plugins')
    .summary('list what can be looked at and who can be told')
    .description('List the collectors (types of sources) and the channels.')
    .option('--json', 'print one JSON document instead of tables')
    .action((options: { json?: true }) => {
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
