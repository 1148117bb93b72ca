import { Command } from 'commander';

import { counted } from '../policy/wording.ts';
import { copyToPostgres } from '../store/copy.ts';
import { sqlitePath, storeName } from '../store/open.ts';
import { complain, EXIT, print, showProgress } from './output.ts';

const COPY_HELP = `
Both are addresses as in the config: sqlite:./data/notafter.db, postgres://notafter@db.example.com/notafter. Stop the daemon
first; the database must be empty (its tables are made as needed). Everything goes along: what was seen and when, alerts
and who was told of them, silences, what waits to be sent. It is copied whole or not at all, and the file stays as it is.
A password may stand in the environment as PGPASSWORD, or in the file that PGPASSFILE names.`;

export function storeCommand(): Command {
  const command = new Command('store')
    .summary('move what notafter remembers')
    .description('Move what notafter remembers.');
  command
    .command('copy')
    .summary('copy a store in a file into PostgreSQL')
    .description('Copy a store in a file into an empty PostgreSQL database, for a cluster.')
    .argument('<from>', 'the address of the file')
    .argument('<to>', 'the address of the database')
    .addHelpText('after', COPY_HELP)
    .action(async (from: string, to: string) => {
      process.exitCode = await copy(from, to);
    });
  return command;
}

async function copy(from: string, to: string): Promise<number> {
  const path = sqlitePath(from);
  if (path === undefined || sqlitePath(to) !== undefined) {
    complain('copy from a file to a database: notafter store copy sqlite:PATH postgres://USER@HOST/DATABASE');
    return EXIT.unknown;
  }
  let rows = 0;
  let current = 'opening both';
  const clear = showProgress(() => `copying: ${current}`);
  try {
    await copyToPostgres(path, to, {
      onTable(table, count) {
        rows += count;
        current = `${table} is done, ${rows} rows`;
      },
    });
  } finally {
    clear();
  }
  print(`copied ${counted(rows, 'row')} from ${path} to ${storeName(to)}; now say "store:" so in the config`);
  return EXIT.ok;
}
