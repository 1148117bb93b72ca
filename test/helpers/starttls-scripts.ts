import { once } from 'node:events';
import type { Duplex } from 'node:stream';

import type { Protocol } from '../../src/tls/starttls/dialogues.ts';

/** What a server does in turn: says something, or waits for exactly these words of the client. */
type Step = { readonly say: Buffer } | { readonly hear: Buffer | RegExp };

export type Script = readonly Step[];

function say(words: string): Step {
  return { say: Buffer.from(words, 'latin1') };
}

function hear(words: string | RegExp): Step {
  return { hear: typeof words === 'string' ? Buffer.from(words, 'latin1') : words };
}

function bytes(hex: string): string {
  return Buffer.from(hex.replaceAll(' ', ''), 'hex').toString('latin1');
}

const XMPP_FEATURES =
  "<?xml version='1.0'?><stream:stream id='1' xmlns:stream='http://etherx.jabber.org/streams' version='1.0' from='mail.example.com'><stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls><mechanisms/></stream:features>";

function xmpp(namespace: string): Script {
  return [
    hear(
      `<?xml version='1.0'?><stream:stream xmlns:stream='http://etherx.jabber.org/streams' xmlns='${namespace}' to='mail.example.com' version='1.0'>`,
    ),
    say(XMPP_FEATURES),
    hear("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"),
    say("<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"),
  ];
}

/** As MariaDB 10.11 greets; the lower half of its capabilities has CLIENT_SSL (0x0800) or not. */
export function mysqlGreeting(capabilities = 'feff'): string {
  const version = '5.5.5-10.11.6-MariaDB\0';
  const salt = bytes('1f000000 4141414141414141 00');
  const rest = bytes(`${capabilities} 2d 0200 ff81 15 000000000000 1d000000 424242424242424242424242 00`);
  const body = `\n${version}${salt}${rest}mysql_native_password\0`;
  return `${String.fromCharCode(body.length)}\0\0\0${body}`;
}

/** What a PRELOGIN response looks like: version, encryption, instance, thread and MARS. */
export function tdsReply(encryption: number): string {
  return bytes(
    `04 01 0030 0000 01 00  00 001f 0006  01 0025 0001  02 0026 0001  03 0027 0000  04 0027 0001  06 0028 0000 ff  0f00 07d0 0000 0${encryption} 00 00`,
  );
}

/** How each protocol comes to TLS, as real servers do it. */
export const SCRIPTS: Readonly<Record<Protocol, Script>> = {
  smtp: [
    say('220-mail.example.com ESMTP\r\n220-be nice\r\n220 ready\r\n'),
    hear('EHLO monitor.example.com\r\n'),
    say('250-mail.example.com\r\n250-SIZE 1000\r\n250-STARTTLS\r\n250 8BITMIME\r\n'),
    hear('STARTTLS\r\n'),
    say('220 2.0.0 Ready to start TLS\r\n'),
  ],
  lmtp: [
    say('220 mail.example.com LMTP\r\n'),
    hear('LHLO monitor.example.com\r\n'),
    say('250-mail.example.com\r\n250 starttls\r\n'),
    hear('STARTTLS\r\n'),
    say('220 go\r\n'),
  ],
  pop3: [say('+OK ready <1@mail>\r\n'), hear('STLS\r\n'), say('+OK Begin TLS\r\n')],
  imap: [
    say('* OK [CAPABILITY IMAP4rev1] ready\r\n'),
    hear('a001 CAPABILITY\r\n'),
    say('* CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED\r\na001 OK done\r\n'),
    hear('a002 STARTTLS\r\n'),
    say('a002 OK Begin TLS\r\n'),
  ],
  sieve: [
    say(
      '"IMPLEMENTATION" {11}\r\nPigeon\r\nhol\r\n"SIEVE" "fileinto reject"\r\n"STARTTLS"\r\n"VERSION" "1.0"\r\nOK "ready"\r\n',
    ),
    hear('STARTTLS\r\n'),
    say('OK "Begin TLS"\r\n'),
  ],
  ftp: [say('120 wait\r\n220-hello\r\n 221 not yet\r\n220 ready\r\n'), hear('AUTH TLS\r\n'), say('234 Proceed\r\n')],
  nntp: [
    say('200 ready\r\n'),
    hear('CAPABILITIES\r\n'),
    say('101 list\r\nVERSION 2\r\nSTARTTLS\r\nREADER\r\n.\r\n'),
    hear('STARTTLS\r\n'),
    say('382 Continue\r\n'),
  ],
  irc: [
    hear('STARTTLS\r\n'),
    say(':irc.example.com NOTICE * :*** Looking up your hostname\r\nPING :123\r\n'),
    hear('PONG :123\r\n'),
    say(':irc.example.com 670 * :STARTTLS successful\r\n'),
  ],
  xmpp: xmpp('jabber:client'),
  'xmpp-server': xmpp('jabber:server'),
  ldap: [
    hear(bytes('30 1d 02 01 01 77 18 80 16') + '1.3.6.1.4.1.1466.20037'),
    // The long form of Active Directory.
    say(bytes('30 84 00000028 020101 78 84 0000001f 0a0100 0400 0400 8a16') + '1.3.6.1.4.1.1466.20037'),
  ],
  postgres: [hear(bytes('00000008 04d2162f')), say('S')],
  mysql: [say(mysqlGreeting()), hear(bytes('20000001 018a0800 00000001 21') + '\0'.repeat(23))],
  mssql: [
    hear(
      bytes(
        '12 01 002f 0000 00 00  00 001a 0006  01 0020 0001  02 0021 0001  03 0022 0004  04 0026 0001 ff 000000000000 01 00 00000000 00',
      ),
    ),
    say(tdsReply(1)),
  ],
  rdp: [
    hear(bytes('03000013 0ee000000000 00 0100080003000000')),
    say(bytes('03000013 0ed000001234 00 0200080002000000')),
  ],
};

/** Everything that the server says in it. */
export function spoken(script: Script): Buffer {
  return Buffer.concat(script.flatMap((step) => ('say' in step ? [step.say] : [])));
}

/** Reads exactly what the script wants to hear; gives false when the client leaves instead. */
async function heard(stream: Duplex, wanted: Buffer | RegExp): Promise<boolean> {
  let got = Buffer.alloc(0);
  for (;;) {
    const isThere = wanted instanceof RegExp ? wanted.test(got.toString('latin1')) : got.length >= wanted.length;
    if (isThere) break;
    const piece = stream.read(1) as Buffer | null;
    if (piece !== null) got = Buffer.concat([got, piece]);
    else if (stream.readableEnded || stream.destroyed) return false;
    else await Promise.race([once(stream, 'readable'), once(stream, 'close')]);
  }
  if (wanted instanceof Buffer && !got.equals(wanted)) {
    throw new Error(`the client said ${JSON.stringify(got.toString('latin1'))}`);
  }
  return true;
}

/** Plays a script on a stream; `put` says it, in whatever pieces it likes. */
export async function play(
  stream: Duplex,
  script: Script,
  put: (words: Buffer) => Promise<void> | void = (words) => void stream.write(words),
): Promise<void> {
  for (const step of script) {
    if ('say' in step) await put(step.say);
    else if (!(await heard(stream, step.hear))) return;
  }
}
