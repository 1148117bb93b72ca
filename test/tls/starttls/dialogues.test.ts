import { once } from 'node:events';
import { duplexPair, type Duplex } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';

import { DialogueError } from '../../../src/tls/starttls/dialogue-error.ts';
import { DIALOGUES, type Protocol } from '../../../src/tls/starttls/dialogues.ts';
import { startTlsIn, type TlsStart } from '../../../src/tls/starttls/start.ts';
import { mysqlGreeting, play, SCRIPTS, spoken, tdsReply, type Script } from '../../helpers/starttls-scripts.ts';

const PROTOCOLS = Object.keys(DIALOGUES) as Protocol[];
const names = { host: 'mail.example.com', own: 'monitor.example.com' };

/** The beginning of a record of TLS, and the same as the server of the protocol sends it. */
const RECORD = Buffer.from('1603010005', 'hex');

/** A server in memory, which is the other end of the stream that the client gets. */
function serverOf(protocol: Protocol): {
  readonly start: TlsStart;
  readonly server: Duplex;
  open(signal?: AbortSignal): Promise<Duplex>;
} {
  const [client, server] = duplexPair();
  server.on('error', () => undefined);
  const start = startTlsIn(protocol, async () => client, names);
  return {
    start,
    server,
    open: (signal = new AbortController().signal) => start.connect('192.0.2.1', 25, signal),
  };
}

/** What the promise is rejected with. */
async function failureOf(opening: Promise<Duplex>): Promise<DialogueError> {
  const error: unknown = await opening.then(
    () => new Error('TLS was begun'),
    (reason: unknown) => reason,
  );
  if (!(error instanceof DialogueError)) throw error;
  return error;
}

/** Says the words up to an offset of all that the script says; then, when the client had its turn, something else. */
function cutAt(server: Duplex, offset: number, andThen: (rest: Buffer) => void): (words: Buffer) => Promise<void> {
  let said = 0;
  return async (words) => {
    const here = Math.min(Math.max(offset - said, 0), words.length);
    said += words.length;
    if (here > 0) server.write(words.subarray(0, here));
    if (here === words.length) return;
    await turn();
    andThen(words.subarray(here));
  };
}

async function first(stream: Duplex, count: number): Promise<Buffer> {
  for (;;) {
    const bytes = stream.read(count) as Buffer | null;
    if (bytes !== null) return bytes;
    await once(stream, 'readable');
  }
}

/** TLS begins on both sides with the very next octet. */
async function expectTls(protocol: Protocol, client: Duplex, server: Duplex): Promise<void> {
  const header = protocol === 'mssql' ? Buffer.from('120100ff00000000', 'hex').fill(13, 3, 4) : Buffer.alloc(0);
  const dressed = Buffer.concat([header, RECORD]);
  client.write(RECORD);
  await expect(first(server, dressed.length)).resolves.toEqual(dressed);
  server.write(dressed);
  await expect(first(client, RECORD.length)).resolves.toEqual(RECORD);
}

describe.each(PROTOCOLS)('the dialogue of %s', (protocol) => {
  const script = SCRIPTS[protocol];
  const length = spoken(script).length;

  test('comes to TLS wherever what the server says is cut in two', async () => {
    for (let offset = 0; offset < length; offset++) {
      const { open, server, start } = serverOf(protocol);
      const [client] = await Promise.all([
        open(),
        play(
          server,
          script,
          cutAt(server, offset, (rest) => server.write(rest)),
        ),
      ]);
      await expectTls(protocol, client, server);
      expect(start.injected).toBe(0);
      client.destroy();
    }
  });

  test('comes to TLS when every octet comes by itself', async () => {
    const { open, server } = serverOf(protocol);
    const drip = async (words: Buffer): Promise<void> => {
      for (const octet of words) {
        server.write(Buffer.from([octet]));
        await turn();
      }
    };
    const [client] = await Promise.all([open(), play(server, script, drip)]);
    await expectTls(protocol, client, server);
    client.destroy();
  });

  test('says that the connection was closed, wherever that is', async () => {
    for (let offset = 0; offset < length; offset++) {
      const { open, server } = serverOf(protocol);
      const [error] = await Promise.all([
        failureOf(open()),
        play(
          server,
          script,
          cutAt(server, offset, () => server.end()),
        ),
      ]);
      expect([offset, error.reason, error.message]).toEqual([
        offset,
        'closed',
        `192.0.2.1 port 25 closed the connection while ${DIALOGUES[protocol].name} was spoken, before TLS; its log may say why`,
      ]);
    }
  });

  test('ends by the deadline, wherever the server stops', async () => {
    for (const offset of new Set([0, length >> 1, length - 1])) {
      const { open, server } = serverOf(protocol);
      const controller = new AbortController();
      const late = new DOMException('late', 'TimeoutError');
      const stop = cutAt(server, offset, () => setImmediate(() => controller.abort(late)));
      const playing = play(server, script, stop);
      const error = await failureOf(open(controller.signal));
      server.destroy();
      await playing;
      expect([error.reason, error.message]).toEqual([
        'timeout',
        expect.stringMatching(
          offset === 0 ? /said nothing .* until the deadline; if TLS comes first/ : /stopped in the/,
        ),
      ]);
    }
  });

  test('throws the reason of who stops', async () => {
    const { open, server } = serverOf(protocol);
    const controller = new AbortController();
    const opening = open(controller.signal);
    const stop = new Error('stopping');
    controller.abort(stop);
    await expect(opening).rejects.toBe(stop);
    expect(server.destroyed).toBe(false);
  });

  test.each(['\0', 'A', 'A\r\n', '250-A\r\n', '* A\r\n', '"A"\r\n', ':x NOTICE A :A\r\n', '<a>', '\u007f'])(
    'ends what goes on for ever with %j',
    async (word) => {
      const { open, server } = serverOf(protocol);
      const flood = Buffer.from(word.repeat(Math.ceil(1_024 / word.length)), 'latin1');
      let sent = 0;
      const error = failureOf(open());
      let isOver = false;
      void error.finally(() => (isOver = true));
      while (!isOver && sent < 4 * 1_048_576) {
        server.write(flood);
        sent += flood.length;
        await turn();
      }
      const { reason } = await error;
      expect(['too_large', 'not_tls', 'service_error', 'malformed', 'tls_not_offered']).toContain(reason);
      expect(sent).toBeLessThanOrEqual(256 * 1_024);
    },
  );
});

describe('a server that lies or will not', () => {
  const bomb =
    "<?xml version='1.0'?><!DOCTYPE a [<!ENTITY b 'bbbb'><!ENTITY c '&b;&b;'>]><stream:stream><stream:features>";
  const mail = '220 ready\r\n';
  type Case = [Protocol, string, string, DialogueError['reason'], RegExp?];
  const cases: readonly Case[] = [
    ['smtp', 'turns us away', '554 no\r\n', 'service_error', /answers the connection with 554/],
    ['smtp', 'greets with something else', 'SSH-2.0-OpenSSH_9.6\r\n', 'not_tls', /answered with SSH instead of SMTP/],
    ['smtp', 'does not know EHLO', `${mail}502 what\r\n`, 'tls_not_offered', /does not know EHLO/],
    ['smtp', 'is busy', `${mail}421 later\r\n`, 'service_error', /answers EHLO with 421/],
    ['smtp', 'has no STARTTLS', `${mail}250-me\r\n250 XSTARTTLS\r\n`, 'tls_not_offered', /no STARTTLS; switch TLS on/],
    ['smtp', 'cannot now', `${mail}250 STARTTLS\r\n454 later\r\n`, 'service_error', /STARTTLS with 454/],
    ['smtp', 'cannot at all', `${mail}250 STARTTLS\r\n502 no\r\n`, 'tls_not_offered', /STARTTLS with 502/],
    ['smtp', 'changes the code in a reply', '220-a\r\n250 b\r\n', 'not_tls', /words that make no sense there/],
    ['smtp', 'replies for ever', `${mail}${'250-A\r\n'.repeat(201)}`, 'too_large', /200 lines, 64 KiB/],
    ['lmtp', 'has no STARTTLS', `${mail}250 me\r\n`, 'tls_not_offered', /LMTP .* LHLO has no STARTTLS/],
    ['pop3', 'turns us away', '-ERR busy\r\n', 'service_error'],
    ['pop3', 'has no TLS', '+OK\r\n-ERR no\r\n', 'tls_not_offered', /STLS with -ERR/],
    ['imap', 'has us logged in', '* PREAUTH hello\r\n', 'tls_not_offered', /PREAUTH/],
    ['imap', 'turns us away', '* BYE\r\n', 'service_error'],
    ['imap', 'turns us away later', '* OK\r\n* BYE\r\n', 'service_error'],
    ['imap', 'has no STARTTLS', '* OK\r\n* CAPABILITY IMAP4rev1\r\na001 OK\r\n', 'tls_not_offered'],
    ['imap', 'cannot', '* OK\r\n* CAPABILITY STARTTLS\r\na001 OK\r\na002 NO\r\n', 'service_error'],
    ['imap', 'will not', '* OK\r\n* CAPABILITY STARTTLS\r\na001 OK\r\na002 BAD\r\n', 'tls_not_offered'],
    ['imap', 'answers somebody else', '* OK\r\na009 OK\r\n', 'not_tls'],
    ['sieve', 'has no STARTTLS', '"SIEVE" "fileinto"\r\nOK\r\n', 'tls_not_offered'],
    ['sieve', 'hides it in a literal', '"X" {12}\r\n\r\n"STARTTLS"\r\nOK\r\n', 'tls_not_offered'],
    ['sieve', 'lies about a literal', '"X" {999999999}\r\n', 'too_large'],
    ['sieve', 'will not', '"STARTTLS"\r\nOK\r\nNO\r\n', 'tls_not_offered'],
    ['sieve', 'leaves', '"STARTTLS"\r\nOK\r\nBYE\r\n', 'service_error'],
    ['sieve', 'turns us away', 'BYE "busy"\r\n', 'service_error'],
    ['ftp', 'wants a login first', `${mail}530 Please login\r\n`, 'tls_not_offered', /AUTH TLS with 530/],
    ['ftp', 'has no resources', `${mail}431 no\r\n`, 'service_error'],
    ['ftp', 'turns us away', '421 busy\r\n', 'service_error'],
    ['ftp', 'waits for ever', '120 wait\r\n'.repeat(201), 'too_large'],
    ['nntp', 'turns us away', '400 busy\r\n', 'service_error'],
    ['nntp', 'has no STARTTLS', '200 a\r\n101 b\r\nREADER\r\n.\r\n', 'tls_not_offered'],
    ['nntp', 'is old and has none', '200 a\r\n500 what\r\n500 what\r\n', 'tls_not_offered'],
    ['nntp', 'cannot', '200 a\r\n101 b\r\nSTARTTLS\r\n.\r\n580 no\r\n', 'service_error'],
    ['irc', 'has none', ':x 421 * STARTTLS :Unknown command\r\n', 'tls_not_offered', /STARTTLS with 421/],
    ['irc', 'wants to know us first', ':x 451 * :Register first\r\n', 'tls_not_offered'],
    ['irc', 'cannot', ':x 691 * :no\r\n', 'service_error'],
    ['irc', 'turns us away', 'ERROR :Closing link\r\n', 'service_error'],
    ['xmpp', 'has none', '<stream:features><mechanisms/></stream:features>', 'tls_not_offered'],
    ['xmpp', 'has nothing', '<stream:features/>', 'tls_not_offered'],
    ['xmpp', 'sends an entity bomb', bomb, 'malformed', /document type/],
    [
      'xmpp',
      'is of another domain',
      '<stream:error><host-unknown/></stream:error>',
      'service_error',
      /set server_name/,
    ],
    ['xmpp', 'has an error', '<stream:error><reset/></stream:error>', 'service_error', /error before TLS/],
    ['xmpp', 'ends the stream', "<stream:stream version='1.0'></stream:stream>", 'service_error', /ended the XMPP/],
    ['xmpp', 'is a web server', '<html><body>hello</body></html>', 'not_tls', /instead of XMPP/],
    ['xmpp', 'answers in HTTP', 'HTTP/1.1 400 Bad Request\r\n\r\n', 'not_tls', /plain HTTP instead of XMPP/],
    [
      'ldap',
      'does not know the operation',
      ldapAnswer('300c 020101 7807 0a0102 0400 0400'),
      'tls_not_offered',
      /result 2/,
    ],
    ['ldap', 'has no certificate', ldapAnswer('300c 020101 7807 0a0134 0400 0400'), 'tls_not_offered', /result 52/],
    ['ldap', 'is busy', ldapAnswer('300c 020101 7807 0a0133 0400 0400'), 'service_error', /result 51/],
    ['ldap', 'disconnects', ldapAnswer('300c 020100 7807 0a0134 0400 0400'), 'service_error', /ended the LDAP session/],
    ['ldap', 'announces 4 GiB', ldapAnswer('3084 ffffffff'), 'too_large', /4294967295 octets/],
    ['ldap', 'has no length', ldapAnswer('3080 020101'), 'not_tls'],
    ['ldap', 'has a length of 126 octets', ldapAnswer('30fe 0000'), 'not_tls'],
    ['ldap', 'lies about an inner length', ldapAnswer('300c 020101 7884 7fffffff 000000'), 'not_tls'],
    ['ldap', 'nests', ldapAnswer(`3030 ${'3030'.repeat(24)}`), 'not_tls'],
    ['postgres', 'has no TLS', 'N', 'tls_not_offered', /ssl = off/],
    ['postgres', 'cannot begin a process', 'ESFATAL', 'service_error'],
    ['postgres', 'is none', 'HTTP/1.1', 'not_tls', /plain HTTP instead of PostgreSQL/],
    ['mysql', 'has blocked us', '\x09\0\0\0\xff\x69\x04blocked', 'service_error', /1129.*FLUSH HOSTS/],
    ['mysql', 'turns us away', '\x09\0\0\0\xff\x6a\x04not you', 'service_error', /error 1130/],
    ['mysql', 'speaks an old protocol', '\x02\0\0\0\x09\0', 'not_tls'],
    ['mysql', 'announces 16 MiB', '\xff\xff\xff\0\n', 'not_tls'],
    ['mysql', 'greets with a version without an end', '\x05\0\0\0\n8.0.', 'not_tls'],
    ['mssql', 'has no encryption', tdsReply(2), 'tls_not_offered', /ENCRYPT_NOT_SUP/],
    ['mssql', 'lies about its length', '\x04\x01\xff\xff\0\0\x01\0', 'too_large', /65535 octets/],
    ['mssql', 'has no content', '\x04\x01\0\x08\0\0\x01\0', 'not_tls'],
    ['mssql', 'points out of its table', '\x04\x01\0\x0e\0\0\x01\0\x01\xff\xff\0\x01\xff', 'not_tls'],
    ['rdp', 'knows old security only', '\x03\0\0\x0b\x06\xd0\0\0\x12\x34\0', 'tls_not_offered'],
    ['rdp', 'chooses old security', rdpAnswer('0200080000000000'), 'tls_not_offered'],
    ['rdp', 'has no certificate', rdpAnswer('0300080003000000'), 'tls_not_offered', /fails with 3/],
    ['rdp', 'lies about its length', '\x03\0\xff\xff', 'not_tls'],
  ];

  function ldapAnswer(hex: string): string {
    return Buffer.from(hex.replaceAll(' ', ''), 'hex').toString('latin1');
  }
  function rdpAnswer(negotiation: string): string {
    return Buffer.from(`03000013 0ed0000012340 0${negotiation}`.replaceAll(' ', ''), 'hex').toString('latin1');
  }

  test.each<Case>(cases)('%s: %s', async (protocol, _what, words, reason, message?) => {
    const { open, server } = serverOf(protocol);
    server.end(Buffer.from(words, 'latin1'));
    const error = await failureOf(open());
    expect([error.reason, error.message]).toEqual([reason, expect.stringMatching(message ?? /^192\.0\.2\.1 port 25 /)]);
  });

  test('xmpp: nothing but a host name reaches the server', async () => {
    const [client, server] = duplexPair();
    const start = startTlsIn('xmpp', async () => client, { host: "x' to='y", own: 'me' });
    const error = await failureOf(start.connect('192.0.2.1', 5222, new AbortController().signal));
    expect(error.reason).toBe('malformed');
    expect(server.readableLength).toBe(0);
  });

  test('mysql: one without TLS is not left in the middle of the login, which it would count', async () => {
    const { open, server } = serverOf('mysql');
    server.write(Buffer.from(mysqlGreeting('fef7'), 'latin1'));
    const login: Script = [
      { hear: Buffer.from(`40000001018208000000000121${'00'.repeat(23)}`, 'hex') },
      { hear: Buffer.from('notafter\0\0mysql_native_password\0', 'latin1') },
      { say: Buffer.from('17000002fe63616368696e675f736861325f70617373776f726400', 'hex') },
      { hear: Buffer.from('0100000300', 'hex') },
      { say: Buffer.from('\x09\0\0\x04\xff\x15\x04denied', 'latin1') },
    ];
    const [error] = await Promise.all([failureOf(open()), play(server, login)]);
    expect(error.reason).toBe('tls_not_offered');
  });
});
