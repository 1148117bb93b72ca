import type { Dialogue } from './dialogue.ts';
import type { Exchange } from './exchange.ts';
import { isPositive, readReply, refusal, turnedAway } from './reply.ts';

/** RFC 3207. */
export const smtp: Dialogue = { name: 'SMTP', agree: (exchange, { own }) => agree(exchange, `EHLO ${own}`) };

/** RFC 2033, with the extensions of SMTP. */
export const lmtp: Dialogue = { name: 'LMTP', agree: (exchange, { own }) => agree(exchange, `LHLO ${own}`) };

async function agree(exchange: Exchange, hello: string): Promise<void> {
  const greeting = await readReply(exchange);
  if (greeting.code !== 220) throw turnedAway(exchange, 'the connection', greeting);

  exchange.send(`${hello}\r\n`);
  const capabilities = await readReply(exchange);
  const command = hello.slice(0, 4);
  if (!isPositive(capabilities)) {
    // A server that does not know the command has no extensions either (RFC 5321 section 4.1.1.1).
    const isUnknown = capabilities.code === 500 || capabilities.code === 502;
    if (isUnknown) throw exchange.notOffered(`it does not know ${command}`);
    throw turnedAway(exchange, command, capabilities);
  }
  if (!capabilities.lines.some((line) => /^STARTTLS\s*$/i.test(line))) {
    throw exchange.notOffered(`its answer to ${command} has no STARTTLS`);
  }

  exchange.send('STARTTLS\r\n');
  const answer = await readReply(exchange);
  if (answer.code !== 220) throw refusal(exchange, 'STARTTLS', answer);
}
