import type { Dialogue } from './dialogue.ts';
import { ftp } from './ftp.ts';
import { imap } from './imap.ts';
import { irc } from './irc.ts';
import { ldap } from './ldap.ts';
import { mysql } from './mysql.ts';
import { nntp } from './nntp.ts';
import { pop3 } from './pop3.ts';
import { postgres } from './postgres.ts';
import { rdp } from './rdp.ts';
import { sieve } from './sieve.ts';
import { lmtp, smtp } from './smtp.ts';
import { mssql } from './tds.ts';
import { xmppClient, xmppServer } from './xmpp.ts';

/** Every protocol in which TLS can be begun. */
export const DIALOGUES = {
  ftp,
  imap,
  irc,
  ldap,
  lmtp,
  mssql,
  mysql,
  nntp,
  pop3,
  postgres,
  rdp,
  sieve,
  smtp,
  xmpp: xmppClient,
  'xmpp-server': xmppServer,
} as const satisfies Readonly<Record<string, Dialogue>>;

export type Protocol = keyof typeof DIALOGUES;
