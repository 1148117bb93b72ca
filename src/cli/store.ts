import { Command } from 'commander';

import { loadConfig } from '../config/load.ts';
import { counted } from '../policy/wording.ts';
import { backupStore, checkStore, restoreStore } from '../store/backup.ts';
import { copyToPostgres } from '../store/copy.ts';
import { sqlitePath, storeName } from '../store/open.ts';
import { complain, EXIT, print, showProgress } from './output.ts';

const COPY_HELP = `
Both are addresses as in the config: sqlite:./data/notafter.db, postgres://notafter@db.example.com/notafter. Stop the daemon
first; the database must be empty (its tables are made as needed). Everything goes along: what was seen and when, alerts
and who was told of them, silences, what waits to be sent. It is copied whole or not at all, and the file stays as it is.
A password may stand in the environment as PGPASSWORD, or in the file that PGPASSFILE names.`;

const BACKUP_HELP = `
The file holds everything in the store; keep it as you keep a list of your servers. A backup of PostgreSQL is made with its
own tools (pg_dump).`;

const RESTORE_HELP = `
Stop the daemon first. What is in the store now is set aside beside it. Alerts that were told since the backup was made are
told once more; silences that were made since are kept. A backup of an older notafter is brought up to date at its start.`;

export function storeCommand(): Command {
  const command = new Command('store')
    .summary('back up, restore, check or move the store')
    .description('Back up, restore, check and move what notafter remembers.');
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
  command
    .command('backup')
    .summary('write a copy of the store, also while notafter runs')
    .description('Write a copy of the store of one moment into a file, also while notafter runs.')
    .argument('<file>', 'the backup; an older one of that name is replaced')
    .option('--config <file>', 'the config file', 'notafter.yaml')
    .addHelpText('after', BACKUP_HELP)
    .action(async (file: string, options: { config: string }) => {
      process.exitCode = await backup(file, options.config);
    });
  command
    .command('restore')
    .summary('put a backup in the place of the store')
    .description('Put a backup in the place of the store.')
    .argument('<file>', 'the backup')
    .option('--config <file>', 'the config file', 'notafter.yaml')
    .addHelpText('after', RESTORE_HELP)
    .action(async (file: string, options: { config: string }) => {
      process.exitCode = await restore(file, options.config);
    });
  command
    .command('check')
    .summary('look for damage in the store')
    .description('Look for damage in the store: every byte where notafter is stopped, else its structure.')
    .option('--config <file>', 'the config file', 'notafter.yaml')
    .action(async (options: { config: string }) => {
      process.exitCode = await check(options.config);
    });
  return command;
}

/** The path of the store, which must be a file. Says what to do where it is not. */
async function fileOf(config: string, what: string): Promise<string | undefined> {
  const { store } = await loadConfig(config, process.env);
  const path = sqlitePath(store);
  if (path === undefined) complain(`the store is ${storeName(store)}: ${what} it with the tools of PostgreSQL`);
  return path;
}

async function backup(to: string, config: string): Promise<number> {
  const path = await fileOf(config, 'back up (pg_dump)');
  if (path === undefined) return EXIT.unknown;
  const { version } = backupStore(path, to);
  print(`${to} is a copy of ${path} (schema ${version}), checked`);
  return EXIT.ok;
}

async function restore(from: string, config: string): Promise<number> {
  const path = await fileOf(config, 'restore (pg_restore)');
  if (path === undefined) return EXIT.unknown;
  const aside = restoreStore(from, path, new Date());
  print(`${path} is what ${from} was${aside === undefined ? '' : `; what was there before is ${aside}`}`);
  return EXIT.ok;
}

async function check(config: string): Promise<number> {
  const path = await fileOf(config, 'check (pg_amcheck)');
  if (path === undefined) return EXIT.unknown;
  const { damage, version, by } = checkStore(path);
  if (damage !== undefined) {
    complain(
      `${path} is damaged: ${damage}. Start "notafter run", which goes on with what is sound, or restore a backup`,
    );
    return EXIT.critical;
  }
  print(`${path} is sound (schema ${version}, by ${by})`);
  return EXIT.ok;
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
