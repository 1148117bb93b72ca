import type { Dialogue } from './dialogue.ts';
import type { Exchange } from './exchange.ts';

/** ManageSieve, RFC 5804 section 2.2. */
export const sieve: Dialogue = {
  name: 'ManageSieve',
  async agree(exchange) {
    const greeting = await response(exchange);
    if (greeting.status !== 'OK') {
      throw exchange.failure('service_error', `greets with ${greeting.status}: it turns notafter away; see its log`);
    }
    if (!greeting.words.includes('STARTTLS')) throw exchange.notOffered('its capabilities have no STARTTLS');

    exchange.send('STARTTLS\r\n');
    const answer = await response(exchange);
    if (answer.status === 'NO') throw exchange.notOffered('it answers STARTTLS with NO');
    if (answer.status === 'BYE') {
      throw exchange.failure('service_error', 'answers STARTTLS with BYE: it turns notafter away; see its log');
    }
  },
};

interface Response {
  readonly status: 'OK' | 'NO' | 'BYE';
  /** The first string of each line before it, in upper case. */
  readonly words: readonly string[];
}

/** Reads lines up to the one with the status. */
async function response(exchange: Exchange): Promise<Response> {
  const words: string[] = [];
  for (;;) {
    const line = await wholeLine(exchange);
    const [, status] = /^(OK|NO|BYE)\b/i.exec(line) ?? [];
    if (status !== undefined) return { status: status.toUpperCase() as Response['status'], words };
    const [, word] = /^"([^"]*)"/.exec(line) ?? [];
    if (word === undefined) throw exchange.foreign();
    words.push(word.toUpperCase());
  }
}

/** A line with the literals in it (RFC 5804 section 4): their octets, line breaks too, belong to it. */
async function wholeLine(exchange: Exchange): Promise<string> {
  let line = await exchange.line();
  for (;;) {
    const [, length] = /\{(\d{1,9})\+?\}$/.exec(line) ?? [];
    if (length === undefined) return line;
    line += (await exchange.take(Number(length))).toString('latin1');
    line += await exchange.line();
  }
}
