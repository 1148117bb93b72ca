import type { Dialogue } from './dialogue.ts';

/** Numeric replies; STARTTLS of https://ircv3.net/specs/extensions/tls, the others of RFC 2812 section 5. */
const NUMERIC = { starttls: '670', starttlsFailed: '691', unknownCommand: '421', notRegistered: '451' } as const;

/** A word behind tags and a prefix, and what follows it. */
const LINE = /^(?:@\S+ )?(?::\S+ )?(\d{3}|[A-Za-z]+)(?: ([^\r\0]{0,200}))?/;

export const irc: Dialogue = {
  name: 'IRC',
  async agree(exchange) {
    exchange.send('STARTTLS\r\n');
    for (;;) {
      const line = await exchange.line();
      const [, word, parameters = ''] = LINE.exec(line) ?? [];
      switch (word?.toUpperCase()) {
        case NUMERIC.starttls:
          return;
        case NUMERIC.unknownCommand:
        case NUMERIC.notRegistered:
          throw exchange.notOffered(`it answers STARTTLS with ${word}`);
        case NUMERIC.starttlsFailed:
          throw exchange.failure('service_error', 'answers STARTTLS with 691: it cannot begin TLS; see its log');
        case 'ERROR':
          throw exchange.failure('service_error', 'answers with ERROR: it turns notafter away; see its log');
        case 'NOTICE':
        case 'CAP':
          break;
        case 'PING':
          exchange.send(`PONG ${parameters}\r\n`);
          break;
        default:
          throw exchange.foreign();
      }
    }
  },
};
