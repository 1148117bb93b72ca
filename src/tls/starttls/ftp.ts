import type { Dialogue } from './dialogue.ts';
import { readReply, refusal, turnedAway } from './reply.ts';

/** RFC 4217. */
export const ftp: Dialogue = {
  name: 'FTP',
  async agree(exchange) {
    let greeting = await readReply(exchange, 'free');
    // "Service ready in nnn minutes": the greeting comes later (RFC 959 section 5.4).
    while (greeting.code === 120) greeting = await readReply(exchange, 'free');
    if (greeting.code !== 220) throw turnedAway(exchange, 'the connection', greeting);

    exchange.send('AUTH TLS\r\n');
    const answer = await readReply(exchange, 'free');
    if (answer.code !== 234) throw refusal(exchange, 'AUTH TLS', answer);
  },
};
