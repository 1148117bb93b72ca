import type { Dialogue } from './dialogue.ts';

/** RFC 2595 section 4. */
export const pop3: Dialogue = {
  name: 'POP3',
  async agree(exchange) {
    const greeting = await exchange.line();
    if (/^-ERR\b/i.test(greeting)) {
      throw exchange.failure('service_error', 'greets with -ERR: it turns notafter away; see its log');
    }
    if (!/^\+OK\b/i.test(greeting)) throw exchange.foreign();

    exchange.send('STLS\r\n');
    const answer = await exchange.line();
    if (/^-ERR\b/i.test(answer)) throw exchange.notOffered('it answers STLS with -ERR');
    if (!/^\+OK\b/i.test(answer)) throw exchange.foreign();
  },
};
