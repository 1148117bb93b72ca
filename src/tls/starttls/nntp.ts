import type { Dialogue } from './dialogue.ts';
import { readReply, refusal, turnedAway } from './reply.ts';

/** RFC 4642. */
export const nntp: Dialogue = {
  name: 'NNTP',
  async agree(exchange) {
    const greeting = await readReply(exchange);
    if (greeting.code !== 200 && greeting.code !== 201) throw turnedAway(exchange, 'the connection', greeting);

    exchange.send('CAPABILITIES\r\n');
    const capabilities = await readReply(exchange);
    if (capabilities.code === 101) {
      let isOffered = false;
      for (let line = await exchange.line(); line !== '.'; line = await exchange.line()) {
        isOffered ||= /^STARTTLS\b/i.test(line);
      }
      if (!isOffered) throw exchange.notOffered('its capabilities have no STARTTLS');
    }

    // Servers from before CAPABILITIES are asked without it.
    exchange.send('STARTTLS\r\n');
    const answer = await readReply(exchange);
    if (answer.code === 382) return;
    // "Can not initiate TLS negotiation" is said where no certificate is at hand.
    if (answer.code === 580) {
      throw exchange.failure('service_error', 'answers STARTTLS with 580: it cannot begin TLS; see its log');
    }
    throw refusal(exchange, 'STARTTLS', answer);
  },
};
