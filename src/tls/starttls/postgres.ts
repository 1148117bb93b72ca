import type { Dialogue } from './dialogue.ts';

/** SSLRequest: https://www.postgresql.org/docs/current/protocol-message-formats.html */
const SSL_REQUEST = Buffer.from([0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f]);

/** https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-SSL */
export const postgres: Dialogue = {
  name: 'PostgreSQL',
  async agree(exchange) {
    exchange.send(SSL_REQUEST);
    const answer = await exchange.take(1);
    switch (answer.toString('latin1')) {
      case 'S':
        return;
      case 'N':
        throw exchange.notOffered('it is configured without (ssl = off)');
      case 'E':
        // An ErrorResponse: from before TLS was known, or because no process could be started.
        throw exchange.failure('service_error', 'answers the request for TLS with an error; see its log');
      default:
        throw exchange.foreign();
    }
  },
};
