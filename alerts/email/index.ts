import { hostname } from 'node:os';

import { z } from 'zod';

import { defineChannel, type ChannelInstance } from '../../src/plugin/channel.ts';
import { delivered, failed } from '../../src/plugin/delivery.ts';
import { durationOption, secretFields, secretOf } from '../../src/plugin/options.ts';
import { calendarOf } from './calendar.ts';
import { messageOf } from './message.ts';
import { createSmtp, isLoopback } from './smtp.ts';

/** No list is longer; a mailing list serves more people better. */
const MAX_RECIPIENTS = 100;

const host = z
  .string()
  .max(253)
  .regex(
    /^(?:[A-Za-z0-9](?:[A-Za-z0-9_.-]*[A-Za-z0-9])?\.?|[0-9A-Fa-f:]*:[0-9A-Fa-f:.]+)$/,
    'a host name or an address',
  );

/** What can stand in `MAIL FROM` and `RCPT TO` without being taken apart there. Names without a dot are fine: intranets have them. */
const address = z
  .string()
  .max(254)
  .regex(
    /^[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+@[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?$/,
    'an address like oncall@example.com',
  );

const smtp = z
  .strictObject({
    host: host.describe('Name or address of the mail server.'),
    port: z.int().min(1).max(65_535).default(587).describe('587 with starttls, 465 with tls, 25 between servers.'),
    secure: z
      .enum(['auto', 'starttls', 'tls', 'none'])
      .default('auto')
      .describe(
        'auto: TLS from the start on port 465, else STARTTLS when the server offers it; with a username or a ca_file it must, and its certificate must be valid, except for a login on this machine. starttls: must become TLS. tls: TLS from the start. none: never TLS.',
      ),
    username: z.string().min(1).optional().describe('User to log in as. Without it nobody logs in.'),
    ...secretFields('password', 'Password of the user'),
    ca_file: z
      .string()
      .min(1)
      .optional()
      .describe('PEM file of the CAs to trust for this server, instead of the public ones.'),
    timeout: durationOption('A mail that takes longer is tried again.', '20s'),
  })
  .refine(
    (value) => (value.username !== undefined) === (value.password !== undefined || value.password_file !== undefined),
    {
      message: 'username and password_file go together',
      path: ['username'],
    },
  )
  .refine((value) => value.username === undefined || value.secure !== 'none' || isLoopback(value.host), {
    message: 'with secure: none the password would be sent in the clear; use starttls or tls',
    path: ['secure'],
  });

const options = z.strictObject({
  smtp: smtp.describe('The mail server.'),
  from: address.optional().describe('Sender. Default: notafter@ and the name of this machine.'),
  to: z
    .array(address)
    .min(1)
    .max(MAX_RECIPIENTS)
    .describe('Who gets the mails. Each recipient has retries of its own.'),
  helo: host.optional().describe('Name given to the server. Default: the name of this machine.'),
  calendar: z
    .boolean()
    .default(false)
    .describe('Attach the ends as entries of a calendar, which later mails change and cancel.'),
});

/** Sends mail by SMTP. */
export const email = defineChannel({
  type: 'email',
  summary: 'mail by SMTP, as text and HTML, threaded',
  options,
  async create({ smtp: server, from, to, helo, calendar }, context): Promise<ChannelInstance> {
    const recipients = [...new Set(to)];
    const machine = hostname().replace(/[^A-Za-z0-9.-]/g, '') || 'localhost';
    const sender = from ?? `notafter@${machine}`;
    const client = createSmtp(
      {
        host: server.host,
        port: server.port,
        secure: server.secure,
        username: server.username,
        password: secretOf(server, 'password'),
        caFile: server.ca_file,
        timeoutMs: server.timeout,
        helo: helo ?? machine,
      },
      context,
    );
    return {
      recipients: () => recipients,
      async send(notification, asked, _previous, signal) {
        const attached = calendar ? await calendarOf(notification) : undefined;
        const message = messageOf(notification, { from: sender, to: recipients }, attached);
        const outcome = await client.send(message, { from: sender, to: asked }, signal);
        return asked.map((recipient) => {
          const failure = outcome(recipient);
          return failure === undefined ? delivered(recipient) : failed(recipient, failure);
        });
      },
      verify: (signal) => client.verify(signal),
      close: async () => client.close(),
    };
  },
});
