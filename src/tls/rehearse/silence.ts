import { accepted, isPast, judgeEnd, unknown, type Judgement } from './judgement.ts';
import type { Wire } from './wire.ts';

/** What a server says behind the handshake comes within a round trip and the checking of a certificate, OCSP included. */
const SILENCE_MS = 5_000;

/** A server that has gone on and then keeps still for so long has accepted. */
const SETTLE_MS = 300;

/** Judges by the handshake and what comes behind it, without asking for anything. */
export async function judgeSilence(wire: Wire): Promise<Judgement> {
  wire.read();
  await wire.until(() => isPast(wire), SILENCE_MS);
  if (wire.over) return judgeEnd(wire);
  if (!isPast(wire)) {
    return unknown(
      'silent',
      `the handshake, and then nothing for ${SILENCE_MS / 1_000} s: neither a session ticket nor an alert`,
    );
  }
  const proof = proofOf(wire);
  await wire.until(() => false, SETTLE_MS);
  if (wire.over) return judgeEnd(wire);
  if (wire.tls.alpnProtocol === 'h2' || wire.tls.alpnProtocol === 'http/1.1') {
    // nginx accepts whatever it is shown, and judges in its answer.
    return unknown('no_request', `${proof}, but a server of HTTP may judge in its answer, and nothing was asked`);
  }
  return accepted(`${proof}, and no objection for ${SETTLE_MS} ms`);
}

function proofOf({ course }: Wire): string {
  if (course.protocol === 'TLSv1.2') return 'the complete handshake';
  return course.tickets > 0 ? 'a session ticket' : 'data';
}
