import { writeFile, mkdtemp, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { simpleParser, type ParsedMail } from 'mailparser';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';

import { email } from '../../alerts/email/index.ts';
import type { ChannelInstance, Delivery } from '../../src/plugin/channel.ts';
import { createChannelContext, type ChannelContext } from '../helpers/channel-context.ts';
import { eventually } from '../helpers/eventually.ts';
import { digest, HOSTILE_TEXTS, hostileNotice, hugeNotice, notice, notification } from '../helpers/notifications.ts';
import { createAuthority } from '../helpers/pki.ts';
import { startSmtpScript, type Reply, type SmtpScript } from '../helpers/smtp-script.ts';

const CANARY = 'canary-7f3a9c';
const never = new AbortController().signal;
const authority = createAuthority();
const served = authority.issue({ names: ['127.0.0.1', 'localhost'] });

interface Mailbox {
  readonly port: number;
  readonly mails: { readonly to: readonly string[]; readonly raw: string; readonly mail: ParsedMail }[];
}

let folder: string;
let caFile: string;
const closers: (() => Promise<void>)[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'notafter-email-'));
  caFile = join(folder, 'ca.pem');
  await writeFile(caFile, authority.certificate.pem);
});

afterAll(() => rm(folder, { recursive: true }));

afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

/** A real mail server that keeps what it takes. */
async function mailbox(options: SMTPServerOptions = {}): Promise<Mailbox> {
  const mails: Mailbox['mails'] = [];
  const server = new SMTPServer({
    key: served.keyPem,
    cert: served.pem,
    authOptional: true,
    disableReverseLookup: true,
    onData(stream, session, callback) {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        const raw = Buffer.concat(chunks);
        const to = session.envelope.rcptTo.map((recipient) => recipient.address);
        void simpleParser(raw).then((mail) => {
          mails.push({ to, raw: raw.toString('latin1'), mail });
          callback();
        });
      });
    },
    ...options,
  });
  server.on('error', () => undefined);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(() => new Promise((resolve) => server.close(() => resolve())));
  return { port: (server.server.address() as AddressInfo).port, mails };
}

async function script(reply: Reply, banner?: string): Promise<SmtpScript> {
  const started = await startSmtpScript(reply, banner);
  closers.push(() => started.close());
  return started;
}

interface Opened {
  readonly instance: ChannelInstance;
  readonly bench: ChannelContext;
}

async function open(smtp: object, overrides: object = {}): Promise<Opened> {
  const bench = createChannelContext({ password: `${CANARY}-password` });
  const options = email.options.parse({
    smtp: { host: '127.0.0.1', ca_file: caFile, ...smtp },
    from: 'notafter@example.com',
    to: ['oncall@example.com'],
    ...overrides,
  });
  const instance = await email.create(options, bench.context);
  // First: a server waits for who is still connected.
  closers.unshift(async () => instance.close?.());
  return { bench, instance };
}

async function send({ instance, bench }: Opened, message = notification(), signal = never): Promise<Delivery> {
  const results = await instance.send(message, instance.recipients(), undefined, signal);
  expect(results.map((result) => result.recipient)).toEqual(instance.recipients());
  expect(JSON.stringify([results, bench.logged])).not.toContain(CANARY);
  return results;
}

/** Over a mail server without TLS, scripted. */
async function sendTo(
  reply: Reply,
  to: readonly string[] = ['a@example.com', 'b@example.com', 'c@example.com'],
): Promise<Delivery> {
  const { port } = await script(reply);
  return send(await open({ port, secure: 'none' }, { to }));
}

describe('a mail', () => {
  test('is text and HTML, from and to whom the config says, and nobody answers it', async () => {
    const { port, mails } = await mailbox();
    expect(await send(await open({ port }))).toEqual([{ recipient: 'oncall@example.com', status: 'delivered' }]);

    const [{ mail, to }] = mails as [Mailbox['mails'][number]];
    expect(to).toEqual(['oncall@example.com']);
    expect(mail.from?.value).toEqual([{ name: 'notafter', address: 'notafter@example.com' }]);
    expect(mail.subject).toBe('Critical: api.example.com ends in 4 days (2 places)');
    expect(mail.date).toEqual(new Date('2027-01-01T00:00:00Z'));
    expect(mail.headers.get('auto-submitted')).toBe('auto-generated');
    expect(mail.headers.get('content-type')).toMatchObject({ value: 'multipart/alternative' });
    expect(mail.text).toContain(
      'What to do\n1. Renew api.example.com, issued by CN=R11\n2. Prove it:\n     notafter check api.example.com:443',
    );
    expect(mail.text).toContain('- /etc/ssl/api.pem (source disk; expiring)');
    expect(mail.text).toContain('Runbook: https://notafter.example/runbooks/expiring');
    expect(mail.html).toContain('>notafter check api.example.com:443</code>');
    expect(mail.html).toContain('>/etc/ssl/api.pem</code>');
    expect(mail.html).toContain('<a href="https://notafter.example/runbooks/expiring">');
  });

  test('has an id of its own that stays over attempts, and a thread with others of its group', async () => {
    const { port, mails } = await mailbox();
    const opened = await open({ port });
    await send(opened, notification({ id: 'one', group: 'g' }));
    await send(opened, notification({ id: 'one', group: 'g' }));
    await send(opened, notification({ id: 'two', group: 'g', reason: 'resolved' }));
    await send(opened, notification({ id: 'three', group: 'h' }));
    const threads = mails.map(({ mail }) => [mail.messageId, mail.inReplyTo, mail.references]);
    expect(threads).toEqual([
      ['<one@notafter>', '<thread-g@notafter>', '<thread-g@notafter>'],
      ['<one@notafter>', '<thread-g@notafter>', '<thread-g@notafter>'],
      ['<two@notafter>', '<thread-g@notafter>', '<thread-g@notafter>'],
      ['<three@notafter>', '<thread-h@notafter>', '<thread-h@notafter>'],
    ]);
    // Parts may differ in their boundary alone.
    const [first, again] = mails.map(({ mail }) => [mail.text, mail.html, mail.subject, mail.date]);
    expect(again).toEqual(first);
  });

  test('asks nothing when it is over, and says so', async () => {
    const { port, mails } = await mailbox();
    await send(
      await open({ port }),
      notification({ reason: 'resolved', alerts: [notice({ actions: [], summary: 'Seen to be good again.' })] }),
    );
    expect(mails[0]?.mail.subject).toBe('Resolved: api.example.com (2 places)');
    expect(mails[0]?.mail.text).not.toContain('What to do');
  });

  test('counts what it does not list', async () => {
    const { port, mails } = await mailbox();
    const opened = await open({ port });
    await send(opened, notification({ alerts: [notice({ placeCount: 500 })] }));
    await send(opened, digest(50, 120));
    for (const content of [mails[0]?.mail.text, mails[0]?.mail.html]) {
      expect(content).toContain('500 places');
      expect(content).toContain('and 498 more');
    }
    expect(mails[1]?.mail.subject).toBe('First day: 120 alerts, the worst critical');
    for (const content of [mails[1]?.mail.text, String(mails[1]?.mail.html)]) {
      expect(content?.match(/host-\d+\.example\.com/g)).toHaveLength(50);
      expect(content).toContain('and 70 more');
    }
  });

  test('that is a test says that it is one', async () => {
    const { port, mails } = await mailbox();
    await send(
      await open({ port }),
      notification({ kind: 'test', reason: 'first', severity: 'info', alerts: [], alertCount: 0 }),
    );
    expect(mails[0]?.mail.subject).toBe('This is a test of notafter: nothing is wrong');
  });

  test('of an alert as large as one can be stays readable', async () => {
    const { port, mails } = await mailbox();
    await send(await open({ port }), notification({ alerts: [hugeNotice()] }));
    const subject = mails[0]?.mail.subject ?? '';
    expect(subject.length).toBeLessThanOrEqual(200);
    expect(mails[0]?.raw.length).toBeLessThan(1_000_000);
  });

  test.each(HOSTILE_TEXTS.map((text) => [JSON.stringify(text), text]))(
    'keeps hostile text text: %s',
    async (_name, text) => {
      const { port, mails } = await mailbox();
      const opened = await open({ port, secure: 'none' });
      await send(opened, notification({ alerts: [hostileNotice(text)] }));
      await send(opened, { ...digest(1), alerts: [hostileNotice(text)] });

      expect(mails).toHaveLength(2);
      for (const { mail, to } of mails) {
        expect(to).toEqual(['oncall@example.com']);
        expect([...mail.headers.keys()].toSorted()).toEqual(HEADERS);
        expect(mail.subject?.length).toBeLessThanOrEqual(200);
        expect(mail.subject).not.toMatch(/[\p{Cc}\u202a-\u202e\u2028\u2029]/u);
        const html = String(mail.html);
        const tags = new Set((html.match(/<\/?[a-z!][a-z0-9]*/gi) ?? []).map((tag) => tag.toLowerCase()));
        for (const tag of tags) expect(ELEMENTS).toContain(tag.replace('/', ''));
        expect(
          html.replaceAll(
            / (?:style|role|cellspacing|cellpadding|width|height|align|valign|bgcolor|lang|charset|name|content|href)="[^"]*"/g,
            '',
          ),
        ).not.toMatch(/<[^>]*=/);
        expect(`${html}${mail.text}`.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\u202e\u2028]/u);
      }
    },
  );

  test('does not link to anything but the web', async () => {
    const { port, mails } = await mailbox();
    const alerts = [notice({ runbookUrl: 'javascript:alert(1)' })];
    await send(await open({ port }), notification({ alerts, externalUrl: 'https://a.example/"><script>' }));
    expect(String(mails[0]?.mail.html)).not.toMatch(/href="javascript|<script/);
  });
});

describe('the life of the certificate', () => {
  const began = { name: 'Valid from', value: '2026-12-02 00:00 UTC' };
  const openedAt = new Date('2026-12-22T12:00:00Z');

  async function htmlFor(overrides: Parameters<typeof notice>[0]): Promise<string> {
    const { port, mails } = await mailbox();
    await send(await open({ port, secure: 'none' }), notification({ reason: 'repeat', alerts: [notice(overrides)] }));
    return String(mails[0]?.mail.html);
  }

  /** Width in per cent and colour of each stretch. */
  function stretches(html: string): readonly (readonly [number, string])[] {
    return [...html.matchAll(/<td width="(\d+)%" height="10" bgcolor="(#[0-9a-f]{6})"/g)].map(
      ([, width, colour]) => [Number(width), colour ?? ''] as const,
    );
  }

  test('is a bar: behind us, told of, left', async () => {
    const html = await htmlFor({ facts: [began], openedAt });
    expect(stretches(html)).toEqual([
      [59, '#9aa0a6'],
      [28, '#b3261e'],
      [13, '#cfd8dc'],
    ]);
    expect(html).toContain('It ends in 4 days: 13 % of its life is left.');
    for (const name of ['Valid from', 'Alert since', 'This mail', 'Ends']) expect(html).toContain(`${name}<br>20`);
  });

  test('that has ended is red from its end on', async () => {
    const html = await htmlFor({ facts: [began], openedAt, endsAt: new Date('2026-12-27T00:00:00Z') });
    expect(stretches(html).map(([, colour]) => colour)).toEqual(['#9aa0a6', '#b3261e', '#b3261e']);
    expect(html).toContain('It ended 5 days ago.');
  });

  test.each<[string, Parameters<typeof notice>[0]]>([
    ['what has no end', { endsAt: undefined as never }],
    ['what is over', { state: 'resolved' }],
  ])('%s has none', async (_name, overrides) => {
    expect(stretches(await htmlFor(overrides))).toEqual([]);
  });

  test('is not drawn from a time that is none', async () => {
    const html = await htmlFor({ facts: [{ name: 'Valid from', value: '<b>2026-99-99 99:99 UTC' }], openedAt });
    expect(stretches(html)).toHaveLength(2);
  });
});

describe('the calendar', () => {
  /** Lines unfolded (RFC 5545 section 3.1). */
  async function calendarOf(...messages: readonly ReturnType<typeof notification>[]): Promise<readonly string[]> {
    const { port, mails } = await mailbox();
    const opened = await open({ port, secure: 'none' }, { calendar: true });
    for (const message of messages) await send(opened, message);
    return mails.map(({ mail }) => {
      const [file] = mail.attachments;
      if (file === undefined) return '';
      expect([file.filename, file.contentType]).toEqual(['notafter.ics', 'text/calendar']);
      return file.content.toString('utf8').replaceAll('\r\n ', '');
    });
  }

  test('is attached on request: an entry that stays the same entry, and is cancelled when the alert is over', async () => {
    const [first, over] = await calendarOf(
      notification(),
      notification({
        reason: 'resolved',
        at: new Date('2027-01-02T00:00:00Z'),
        alerts: [notice({ state: 'resolved' })],
      }),
    );
    expect(first?.split('\r\n')).toEqual(
      expect.arrayContaining([
        'METHOD:PUBLISH',
        'UID:0123456789abcdef@notafter',
        'SEQUENCE:220924800',
        'DTSTAMP:20270101T000000Z',
        'DTSTART:20270105T120000Z',
        'SUMMARY:api.example.com ends',
        'STATUS:CONFIRMED',
        'TRIGGER:-P1D',
      ]),
    );
    expect(over?.split('\r\n')).toEqual(
      expect.arrayContaining(['UID:0123456789abcdef@notafter', 'SEQUENCE:221011200', 'STATUS:CANCELLED']),
    );
    expect(over).not.toContain('VALARM');
  });

  test('holds an entry for each alert of a digest, and nothing for what has no end', async () => {
    const { endsAt: _end, ...endless } = notice();
    const [list, none, trial] = await calendarOf(
      digest(3),
      notification({ alerts: [endless] }),
      notification({ kind: 'test', alerts: [], alertCount: 0 }),
    );
    expect(list?.match(/BEGIN:VEVENT/g)).toHaveLength(3);
    expect([none, trial]).toEqual(['', '']);
  });

  test.each(HOSTILE_TEXTS.map((text) => [JSON.stringify(text), text]))(
    'keeps hostile text text: %s',
    async (_name, text) => {
      const [file = ''] = await calendarOf(notification({ alerts: [hostileNotice(text)] }));
      const names = file
        .trimEnd()
        .split('\r\n')
        .map((line) => /^[A-Z-]+(?=[;:])/.exec(line)?.[0] ?? line);
      expect(new Set(names)).toEqual(new Set(PROPERTIES));
    },
  );

  const PROPERTIES = [
    'ACTION',
    'BEGIN',
    'DESCRIPTION',
    'DTEND',
    'DTSTAMP',
    'DTSTART',
    'END',
    'METHOD',
    'PRODID',
    'SEQUENCE',
    'STATUS',
    'SUMMARY',
    'TRANSP',
    'TRIGGER',
    'UID',
    'VERSION',
  ];
});

const HEADERS = [
  'auto-submitted',
  'content-type',
  'date',
  'from',
  'in-reply-to',
  'message-id',
  'mime-version',
  'references',
  'subject',
  'to',
  'x-notafter-reason',
  'x-notafter-severity',
];

const ELEMENTS = [
  '<!doctype',
  '<html',
  '<head',
  '<meta',
  '<title',
  '<body',
  '<h1',
  '<h2',
  '<p',
  '<code',
  '<table',
  '<tr',
  '<td',
  '<span',
  '<strong',
  '<br',
  '<a',
  '<tbody',
];

describe('each recipient', () => {
  test('has a result of its own: 450 is tried again, 550 is not, the third has the mail', async () => {
    const results = await sendTo((line) => {
      if (line.startsWith('RCPT TO:<a@')) return '450 4.2.1 mailbox busy';
      if (line.startsWith('RCPT TO:<b@')) return '550 5.1.1 no such user';
      return undefined;
    });
    expect(results).toEqual([
      {
        recipient: 'a@example.com',
        status: 'failed',
        reason: 'rejected',
        detail: '450 4.2.1 mailbox busy',
        retryable: true,
      },
      {
        recipient: 'b@example.com',
        status: 'failed',
        reason: 'rejected',
        detail: '550 5.1.1 no such user',
        retryable: false,
      },
      { recipient: 'c@example.com', status: 'delivered' },
    ]);
  });

  test('has a result of its own also when the server takes none', async () => {
    const results = await sendTo((line) => {
      if (line.startsWith('RCPT TO:<a@')) return '451 try later';
      return line.startsWith('RCPT') ? '550 no' : undefined;
    });
    expect(results.map((result) => result.status === 'failed' && [result.reason, result.retryable])).toEqual([
      ['rejected', true],
      ['rejected', false],
      ['rejected', false],
    ]);
  });

  test('is tried again when the server goes away with 421 at one of them (RFC 5321 section 3.8): nobody has the mail', async () => {
    const results = await sendTo((line) => (line.startsWith('RCPT TO:<b@') ? '421 4.3.2 not now' : undefined));
    for (const result of results) {
      expect(result).toMatchObject({
        status: 'failed',
        reason: 'server_error',
        detail: '421 4.3.2 not now',
        retryable: true,
      });
    }
  });

  test('is tried again when the server hangs up on one of them: nobody has the mail', async () => {
    const results = await sendTo((line) => (line.startsWith('RCPT TO:<b@') ? 'hang up' : undefined));
    expect(results.map((result) => result.status === 'failed' && result.retryable)).toEqual([true, true, true]);
  });

  test('is tried again when the connection is lost after the final dot: the same mail, by its Message-ID', async () => {
    const { port, lines } = await script((line) => (line === '.' ? 'hang up' : undefined));
    const opened = await open({ port, secure: 'none' }, { to: ['a@example.com', 'b@example.com'] });
    for (let attempt = 0; attempt < 2; attempt += 1) {
      expect(await send(opened)).toMatchObject([
        { status: 'failed', reason: 'network', retryable: true },
        { status: 'failed', reason: 'network', retryable: true },
      ]);
    }
    const ids = lines.filter((line) => line.startsWith('Message-ID:'));
    expect(ids).toHaveLength(2);
    expect(new Set(ids).size).toBe(1);
  });

  test('only those that are asked for are sent to, though the mail names all', async () => {
    const { port, mails } = await mailbox();
    const { instance } = await open({ port }, { to: ['a@example.com', 'b@example.com'] });
    await instance.send(notification(), ['b@example.com'], undefined, never);
    expect(mails[0]?.to).toEqual(['b@example.com']);
    expect(mails[0]?.mail.to).toMatchObject({ text: 'a@example.com, b@example.com' });
  });
});

describe('a failure', () => {
  test.each<[string, Reply, string, boolean]>([
    [
      'the sender is refused for now',
      (line) => (line.startsWith('MAIL') ? '451 greylisted' : undefined),
      'rejected',
      true,
    ],
    [
      'the sender is refused for good',
      (line) => (line.startsWith('MAIL') ? '553 not here' : undefined),
      'rejected',
      false,
    ],
    ['the content is refused', (line) => (line === '.' ? '554 looks like spam' : undefined), 'rejected', false],
    ['the server is full', (line) => (line === '.' ? '452 no space left' : undefined), 'rejected', true],
    [
      'the server goes down with 421',
      (line) => (line.startsWith('RCPT') ? '421 shutting down' : undefined),
      'server_error',
      true,
    ],
    ['the connection is lost after the dot of DATA', (line) => (line === '.' ? 'hang up' : undefined), 'network', true],
    [
      'the connection is lost in the dialogue',
      (line) => (line.startsWith('MAIL') ? 'hang up' : undefined),
      'network',
      true,
    ],
    ['what answers is no mail server', () => 'HTTP/1.1 400 Bad Request', 'rejected', true],
  ])('when %s', async (_name, reply, reason, retryable) => {
    expect(await sendTo(reply, ['a@example.com'])).toMatchObject([{ status: 'failed', reason, retryable }]);
  });

  test('when the server says 421 instead of hello', async () => {
    const { port } = await script(() => undefined, '421 too many connections');
    expect(await send(await open({ port, secure: 'none' }))).toMatchObject([
      { reason: 'server_error', retryable: true },
    ]);
  });

  test('when nobody listens', async () => {
    const { port, close } = await startSmtpScript(() => undefined);
    await close();
    expect(await send(await open({ port, secure: 'none' }))).toMatchObject([{ reason: 'network', retryable: true }]);
  });

  test('when the server never says a word', async () => {
    const { port } = await script(() => '', '');
    expect(await send(await open({ port, secure: 'none', timeout: '50ms' }))).toMatchObject([
      { reason: 'timeout', retryable: true },
    ]);
  });

  test('when the server is a tarpit that sends a byte at a time and never a whole line', async () => {
    const server = createServer((socket) => {
      const dripping = setInterval(() => socket.write('2'), 5);
      socket.on('error', () => undefined).on('close', () => clearInterval(dripping));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    closers.push(() => new Promise((resolve) => server.close(() => resolve())));
    const { port } = server.address() as AddressInfo;
    expect(await send(await open({ port, secure: 'none', timeout: '100ms' }))).toMatchObject([
      { reason: 'timeout', retryable: true },
    ]);
  });

  test('when the server drips lines without an end', async () => {
    const server = await script((line) => (line.startsWith('EHLO') ? '250-again\r\n250-and again' : ''));
    expect(await send(await open({ port: server.port, secure: 'none', timeout: '80ms' }))).toMatchObject([
      { reason: 'timeout', retryable: true },
    ]);
  });

  test('when it is aborted, at once and with the connection closed', async () => {
    const stop = new AbortController();
    const server = await script((line) => {
      if (line.startsWith('MAIL')) stop.abort();
      return line.startsWith('MAIL') ? '' : undefined;
    });
    expect(await send(await open({ port: server.port, secure: 'none' }), notification(), stop.signal)).toMatchObject([
      { reason: 'timeout', retryable: true },
    ]);
  });

  test('when the password cannot be read, which names the file', async () => {
    const opened = await open({ port: 1, username: 'notafter', password_file: 'password' });
    opened.bench.secrets.clear();
    expect(await send(opened)).toMatchObject([
      { reason: 'internal', retryable: true, detail: 'the secret password cannot be read' },
    ]);
  });
});

describe('TLS', () => {
  test('is required with secure: starttls: a server that does not offer it gets no mail', async () => {
    const server = await script((line) => (line.startsWith('STARTTLS') ? '502 not implemented' : undefined));
    const [result] = await send(await open({ port: server.port, secure: 'starttls' }));
    expect(result).toMatchObject({ reason: 'network', retryable: true });
    expect(result?.status === 'failed' ? result.detail : '').toContain('does not do STARTTLS');
    expect(server.lines.some((line) => /^(?:MAIL|AUTH)/.test(line))).toBe(false);
  });

  test('is required with secure: starttls: where somebody strips the offer on the way, the mail waits', async () => {
    // Some take the command all the same and go on in the clear; what they then say is no TLS.
    for (const answer of ['500 what?', '454 not now', '220 go ahead']) {
      const server = await script((line) => (line.startsWith('STARTTLS') ? answer : undefined));
      const opened = await open({ port: server.port, secure: 'starttls', timeout: '1s' });
      expect(await send(opened)).toMatchObject([{ status: 'failed', retryable: true }]);
      expect(server.lines.some((line) => /^(?:MAIL|AUTH|DATA)/.test(line))).toBe(false);
    }
  });

  test('is taken as it comes by default, where nothing secret is sent', async () => {
    const plain = await script((line) => (line.startsWith('EHLO') ? '250 script' : undefined));
    expect(await send(await open({ port: plain.port, ca_file: undefined }))).toMatchObject([{ status: 'delivered' }]);
    expect(plain.lines).not.toContain('STARTTLS');

    const { port, mails } = await mailbox();
    expect(await send(await open({ port, ca_file: undefined }))).toMatchObject([{ status: 'delivered' }]);
    expect(mails).toHaveLength(1);
  });

  test('is required by default for a login on another machine', async () => {
    const plain = await script((line) => (line.startsWith('STARTTLS') ? '502 not implemented' : undefined));
    const { context } = createChannelContext({ password: `${CANARY}-password` });
    const network = {
      ...context.network,
      resolve: () => Promise.resolve([{ address: '127.0.0.1', family: 4 as const }]),
    };
    const options = email.options.parse({
      smtp: { host: 'relay.example.com', port: plain.port, username: 'notafter', password_file: 'password' },
      to: ['oncall@example.com'],
    });
    const instance = await email.create(options, { ...context, network });

    expect(await instance.send(notification(), ['oncall@example.com'], undefined, never)).toMatchObject([
      { reason: 'network' },
    ]);
    expect(plain.lines.some((line) => line.startsWith('AUTH'))).toBe(false);
  });

  test('is refused with a certificate of a CA that is not trusted', async () => {
    const { port, mails } = await mailbox();
    const otherCa = join(folder, 'other.pem');
    await writeFile(otherCa, createAuthority({ name: 'other' }).certificate.pem);
    expect(await send(await open({ port, ca_file: otherCa }))).toMatchObject([{ reason: 'network', retryable: true }]);
    expect(mails).toEqual([]);
  });

  test('from the start works with secure: tls', async () => {
    const { port, mails } = await mailbox({ secure: true });
    expect(await send(await open({ port, secure: 'tls' }))).toMatchObject([{ status: 'delivered' }]);
    expect(mails).toHaveLength(1);
  });

  test('is not used with secure: none', async () => {
    const server = await script((line) => (line.startsWith('EHLO') ? '250-script\r\n250 STARTTLS' : undefined));
    expect(await send(await open({ port: server.port, secure: 'none' }))).toMatchObject([{ status: 'delivered' }]);
    expect(server.lines).not.toContain('STARTTLS');
  });

  test('a CA file that cannot be read is named', async () => {
    const [result] = await send(await open({ port: 1, ca_file: '/does/not/exist.pem' }));
    expect(result).toMatchObject({
      reason: 'internal',
      detail: 'the CA file /does/not/exist.pem cannot be read (ENOENT)',
    });
  });
});

describe('the login', () => {
  const login = { username: 'notafter', password_file: 'password' };

  function withAuth(accept: boolean): Promise<Mailbox> {
    return mailbox({
      authOptional: false,
      onAuth(auth, _session, callback) {
        const isRight = auth.username === 'notafter' && auth.password === `${CANARY}-password`;
        if (accept && isRight) callback(null, { user: 'notafter' });
        else callback(new Error(`no: ${auth.username} ${auth.password}`));
      },
    });
  }

  test('is made with the user and the password of the file', async () => {
    const { port, mails } = await withAuth(true);
    expect(await send(await open({ port, ...login }))).toMatchObject([{ status: 'delivered' }]);
    expect(mails).toHaveLength(1);
  });

  test('that fails can be set right while the mail waits, and repeats no password, whatever the server says', async () => {
    const { port } = await withAuth(false);
    expect(await send(await open({ port, ...login }))).toMatchObject([
      { reason: 'authentication', retryable: true, detail: 'the mail server did not accept the login (535)' },
    ]);
  });

  test('is proven by verify, without a mail', async () => {
    const { port, mails } = await withAuth(true);
    const { instance } = await open({ port, ...login });
    await instance.verify?.(never);
    expect(mails).toEqual([]);

    const refusing = await withAuth(false);
    const { instance: refused } = await open({ port: refusing.port, ...login });
    await expect(refused.verify?.(never)).rejects.toThrow('did not accept the login');
  });

  test('verify ends when it is aborted', async () => {
    const server = await script(() => '', '');
    const { instance } = await open({ port: server.port, secure: 'none' });
    await expect(instance.verify?.(AbortSignal.timeout(30))).rejects.toThrow('ended before there was an answer');
    await expect(instance.verify?.(AbortSignal.abort())).rejects.toThrow('ended before there was an answer');
  });
});

describe('the connection', () => {
  const to = ['a@example.com'];
  const sent = (lines: readonly string[]): number => lines.filter((line) => line === '.').length;

  /** Answers as usual but for the line that comes as the `nth` of its kind. */
  function at(verb: string, nth: number, answer: string): Reply {
    let count = 0;
    return (line) => {
      if (!line.startsWith(verb)) return undefined;
      count += 1;
      return count === nth ? answer : undefined;
    };
  }

  test('is shared by mails that follow each other, and ended politely soon after the last', async () => {
    const server = await script(() => undefined);
    const opened = await open({ port: server.port, secure: 'none' }, { to });
    for (const id of ['one', 'two', 'three']) await send(opened, notification({ id }));
    expect([server.connections, sent(server.lines)]).toEqual([1, 3]);
    await eventually('the goodbye', () => server.lines.at(-1) === 'QUIT');
    expect(await send(opened, notification({ id: 'four' }))).toMatchObject([{ status: 'delivered' }]);
    expect([server.connections, sent(server.lines)]).toEqual([2, 4]);
  });

  test('is made anew for a mail that has not begun when the server has hung up meanwhile', async () => {
    const server = await script(at('MAIL', 2, 'hang up'));
    const opened = await open({ port: server.port, secure: 'none' }, { to });
    for (const id of ['one', 'two', 'three']) {
      expect(await send(opened, notification({ id }))).toMatchObject([{ status: 'delivered' }]);
    }
    expect([server.connections, sent(server.lines)]).toEqual([2, 3]);
  });

  test('is given up when the server has had enough of it; the next attempt has a new one', async () => {
    const server = await script(at('MAIL', 2, '421 too many mails'));
    const opened = await open({ port: server.port, secure: 'none' }, { to });
    await send(opened);
    expect(await send(opened)).toMatchObject([
      { reason: 'server_error', retryable: true, detail: '421 too many mails' },
    ]);
    expect(await send(opened)).toMatchObject([{ status: 'delivered' }]);
    expect(sent(server.lines)).toBe(2);
  });

  test('is not made anew for a mail that may have been taken: the outbox says when it is tried again', async () => {
    const server = await script(at('.', 2, 'hang up'));
    const opened = await open({ port: server.port, secure: 'none' }, { to });
    expect(await send(opened, notification({ id: 'one' }))).toMatchObject([{ status: 'delivered' }]);
    expect(await send(opened, notification({ id: 'two' }))).toMatchObject([{ reason: 'network', retryable: true }]);
    expect(sent(server.lines)).toBe(2);
    expect(await send(opened, notification({ id: 'two' }))).toMatchObject([{ status: 'delivered' }]);
    expect(server.connections).toBe(2);
  });

  test('goes on after a mail that was refused', async () => {
    const server = await script(at('RCPT', 1, '550 no such user'));
    const opened = await open({ port: server.port, secure: 'none' }, { to });
    expect(await send(opened)).toMatchObject([{ reason: 'rejected', retryable: false }]);
    expect(await send(opened)).toMatchObject([{ status: 'delivered' }]);
    expect(server.lines.filter((line) => line.startsWith('RSET'))).toHaveLength(1);
    expect(server.connections).toBe(1);
  });

  test('is made anew with a new password', async () => {
    const passwords: unknown[] = [];
    const { port, mails } = await mailbox({
      authOptional: false,
      onAuth: ({ password }, _session, done) => {
        passwords.push(password);
        done(null, { user: 'notafter' });
      },
    });
    const opened = await open({ port, username: 'notafter', password_file: 'password' });
    await send(opened);
    await send(opened);
    opened.bench.secrets.set('password', `${CANARY}-rotated`);
    await send(opened);
    expect(passwords).toEqual([`${CANARY}-password`, `${CANARY}-rotated`]);
    expect(mails).toHaveLength(3);
  });

  test('is ended when the channel is closed, and nothing keeps the process', async () => {
    const server = await script(() => undefined);
    const { instance, bench } = await open({ port: server.port, secure: 'none' }, { to });
    await send({ instance, bench });
    await instance.close?.();
    await eventually('the end of the connection', () => server.open === 0);
  });
});

describe('the options', () => {
  const smtp = { host: 'mail.example.com' };

  test('need a host and a recipient, no more', async () => {
    const options = email.options.parse({ smtp, to: ['oncall@example.com'] });
    expect(options.smtp).toMatchObject({ port: 587, secure: 'auto', timeout: 20_000 });
    const instance = await email.create(options, createChannelContext().context);
    expect(instance.recipients()).toEqual(['oncall@example.com']);
  });

  test.each<[string, object]>([
    ['no recipient', { smtp, to: [] }],
    ['a recipient that is none', { smtp, to: ['oncall'] }],
    ['a recipient that breaks the line', { smtp, to: ['a@example.com>\r\nRCPT TO:<b@example.com'] }],
    ['a sender with a name', { smtp, from: 'notafter <a@example.com>', to: ['a@example.com'] }],
    ['a helo that breaks the line', { smtp, helo: 'a\r\nMAIL', to: ['a@example.com'] }],
    ['a user without a password', { smtp: { ...smtp, username: 'a' }, to: ['a@example.com'] }],
    ['a password without a user', { smtp: { ...smtp, password_file: 'a' }, to: ['a@example.com'] }],
    ['a password in the config', { smtp: { ...smtp, username: 'a', password: 'plain' }, to: ['a@example.com'] }],
    [
      'a password in the clear',
      { smtp: { ...smtp, username: 'a', password_file: 'a', secure: 'none' }, to: ['a@example.com'] },
    ],
    ['an unknown option', { smtp: { ...smtp, tls: true }, to: ['a@example.com'] }],
  ])('refuse %s', (_name, options) => {
    expect(email.options.safeParse(options).success).toBe(false);
  });
});
