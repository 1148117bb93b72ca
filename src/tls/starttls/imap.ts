import type { Dialogue } from './dialogue.ts';
import type { Exchange } from './exchange.ts';

/** RFC 9051 section 6.2.1. */
export const imap: Dialogue = {
  name: 'IMAP',
  async agree(exchange) {
    const greeting = await exchange.line();
    const [, status] = /^\* (OK|PREAUTH|BYE)\b/i.exec(greeting) ?? [];
    switch (status?.toUpperCase()) {
      case 'OK':
        break;
      case 'PREAUTH':
        // Who is logged in already cannot begin TLS any more.
        throw exchange.notOffered('it greets with PREAUTH');
      case 'BYE':
        throw exchange.failure('service_error', 'greets with BYE: it turns notafter away; see its log');
      default:
        throw exchange.foreign();
    }

    exchange.send('a001 CAPABILITY\r\n');
    const { status: known, untagged } = await complete(exchange, 'a001');
    const capabilities = untagged.find((line) => /^\* CAPABILITY /i.test(line));
    if (known !== 'OK' || capabilities === undefined) throw exchange.foreign();
    if (!/ STARTTLS(?: |$)/i.test(capabilities)) throw exchange.notOffered('its capabilities have no STARTTLS');

    exchange.send('a002 STARTTLS\r\n');
    const { status: answer } = await complete(exchange, 'a002');
    if (answer === 'BAD') throw exchange.notOffered('it answers STARTTLS with BAD');
    if (answer === 'NO') {
      throw exchange.failure('service_error', 'answers STARTTLS with NO: it cannot begin TLS; see its log');
    }
  },
};

interface Completion {
  readonly status: 'OK' | 'NO' | 'BAD';
  readonly untagged: readonly string[];
}

/** Reads up to the line that completes the command with this tag. */
async function complete(exchange: Exchange, tag: string): Promise<Completion> {
  const untagged: string[] = [];
  for (;;) {
    const line = await exchange.line();
    if (/^\* BYE\b/i.test(line)) {
      throw exchange.failure('service_error', 'says BYE before TLS: it turns notafter away; see its log');
    }
    if (line.startsWith('* ')) {
      untagged.push(line);
      continue;
    }
    const [, status] = new RegExp(`^${tag} (OK|NO|BAD)\\b`, 'i').exec(line) ?? [];
    if (status === undefined) throw exchange.foreign();
    return { status: status.toUpperCase() as Completion['status'], untagged };
  }
}
