import type { Dialogue } from './dialogue.ts';
import type { Exchange } from './exchange.ts';

/** ExtendedRequest of message 1 with the name 1.3.6.1.4.1.1466.20037, RFC 4511 section 4.14.1. */
const START_TLS = Buffer.concat([
  Buffer.from([0x30, 0x1d, 0x02, 0x01, 0x01, 0x77, 0x18, 0x80, 0x16]),
  Buffer.from('1.3.6.1.4.1.1466.20037'),
]);

const TAG = { sequence: 0x30, integer: 0x02, enumerated: 0x0a, extendedResponse: 0x78 } as const;

/** RFC 4511 section 4.1.9. */
const RESULT = { success: 0, protocolError: 2, unavailable: 52 } as const;

/** A response to StartTLS is a few dozen octets, and a text for people. */
const MAX_MESSAGE = 8 * 1024;

/** RFC 4511 section 4.14. */
export const ldap: Dialogue = {
  name: 'LDAP',
  async agree(exchange) {
    exchange.send(START_TLS);
    const message = await readMessage(exchange);
    const id = message.element(TAG.integer);
    const response = new Elements(message.element(TAG.extendedResponse), () => exchange.foreign());
    const code = numberIn(response.element(TAG.enumerated));
    // Message 0 is the server's own: a notice of disconnection (section 4.4.1).
    if (numberIn(id) !== 1) {
      throw exchange.failure('service_error', `ended the LDAP session with result ${code} before TLS; see its log`);
    }
    switch (code) {
      case RESULT.success:
        return;
      case RESULT.protocolError:
      case RESULT.unavailable:
        // Active Directory is "unavailable" as long as it has no certificate.
        throw exchange.notOffered(`it answers StartTLS with result ${code}`);
      default:
        throw exchange.failure(
          'service_error',
          `answers StartTLS with result ${code}: it does not begin TLS; see its log`,
        );
    }
  },
};

/** One LDAPMessage: the lengths of BER come in the short form, or in the long one with as many octets as one likes. */
async function readMessage(exchange: Exchange): Promise<Elements> {
  const [tag, first = 0] = await exchange.take(2);
  if (tag !== TAG.sequence) throw exchange.foreign();
  let length = first;
  if (first >= 0x80) {
    const count = first & 0x7f;
    // RFC 4511 section 5.1 allows the definite form only.
    if (count === 0 || count > 4) throw exchange.foreign();
    length = (await exchange.take(count)).readUIntBE(0, count);
  }
  if (length > MAX_MESSAGE) {
    throw exchange.failure('too_large', `announces an LDAP message of ${length} octets before TLS`);
  }
  return new Elements(await exchange.take(length), () => exchange.foreign());
}

/** The elements in the content of another; their lengths stay inside it. */
class Elements {
  private rest: Buffer;
  private readonly broken: () => Error;

  constructor(content: Buffer, broken: () => Error) {
    this.rest = content;
    this.broken = broken;
  }

  /** The content of the next one, which has this tag. */
  element(tag: number): Buffer {
    const [actual, first] = this.rest;
    if (actual !== tag || first === undefined) throw this.broken();
    const count = first < 0x80 ? 0 : first & 0x7f;
    if ((first >= 0x80 && count === 0) || count > 4 || this.rest.length < 2 + count) throw this.broken();
    const length = count === 0 ? first : this.rest.readUIntBE(2, count);
    const start = 2 + count;
    if (length > this.rest.length - start) throw this.broken();
    const content = this.rest.subarray(start, start + length);
    this.rest = this.rest.subarray(start + length);
    return content;
  }
}

function numberIn(content: Buffer): number {
  return content.length === 0 || content.length > 4 ? -1 : content.readIntBE(0, content.length);
}
