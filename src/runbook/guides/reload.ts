import { quote } from '../../text/shell.ts';
import type { Choice } from '../model.ts';

interface Server extends Choice {
  /** In a path, or as the protocol of an endpoint, it says that this is the server. */
  readonly hint: RegExp;
}

/** How servers read their certificates anew without losing a connection, each after a test of its config where it has one. */
const SERVERS: readonly Server[] = [
  { when: 'nginx', hint: /nginx/, commands: ['nginx -t', 'nginx -s reload'] },
  { when: 'Apache', hint: /apache|httpd/, commands: ['apachectl configtest', 'apachectl graceful'] },
  {
    when: 'HAProxy',
    hint: /haproxy/,
    commands: ['haproxy -c -q -f /etc/haproxy/haproxy.cfg', 'systemctl reload haproxy'],
  },
  {
    when: 'PostgreSQL (the key file must belong to its user, mode 0600)',
    hint: /postgres|pgsql/,
    commands: ["psql -U postgres -c 'SELECT pg_reload_conf()'"],
  },
  { when: 'MySQL 8', hint: /mysql|mariadb/, commands: ["mysql -e 'ALTER INSTANCE RELOAD TLS'"] },
  { when: 'Postfix', hint: /postfix|smtp/, commands: ['postfix check', 'postfix reload'] },
  { when: 'Dovecot', hint: /dovecot|imap|pop3/, commands: ['doveadm reload'] },
  { when: 'OpenLDAP', hint: /slapd|ldap/, commands: ['systemctl restart slapd'] },
];

const SERVICE: Choice = {
  when: 'a service of systemd',
  commands: [': "${SERVICE:?set SERVICE to the unit that reads it}"', 'systemctl reload-or-restart "$SERVICE"'],
};

/** A client reads its files when it starts, or at each connection. */
export const CLIENT_RELOADS: readonly Choice[] = [
  SERVICE,
  { when: 'it reads its files at each connection (curl, a job of cron)', commands: [] },
];

/** Ways to reload what reads a file: of the server that the words name, else of all that are common. */
export function reloadChoices(words: readonly string[]): readonly Choice[] {
  const named = SERVERS.filter(({ hint }) => words.some((word) => hint.test(word.toLowerCase())));
  const likely = named.length > 0 ? named : SERVERS;
  return [...likely.map(({ when, commands }) => ({ when, commands })), SERVICE];
}

/** Which config names the file. Nothing found is no error. */
export function whoReads(path: string): string {
  const folders = ['nginx', 'apache2', 'httpd', 'haproxy', 'postfix', 'dovecot', 'postgresql', 'systemd/system'];
  return `grep -rsF -- ${quote(path)} ${folders.map((folder) => `/etc/${folder}`).join(' ')} || true`;
}
