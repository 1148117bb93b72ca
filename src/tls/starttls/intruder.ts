import { CONTENT } from '../records.ts';
import type { Framing } from './layer.ts';

/** What comes in the clear is thrown away up to so many octets; then it is left to the reader of TLS to give up. */
const MAX_DISCARDED = 64 * 1024;

const NOTHING = Buffer.alloc(0);

/**
 * Keeps away what arrives between the agreement to begin TLS and the first record of it, which is a handshake or an
 * alert. A reader that took such bytes for the server's would be the victim of CVE-2011-0411.
 */
export class Intruder implements Framing {
  /** Octets that came in the clear. */
  discarded = 0;

  private begun = false;
  private held = NOTHING;

  inbound(bytes: Buffer): Buffer {
    if (this.begun) return bytes;
    const all = this.held.length === 0 ? bytes : Buffer.concat([this.held, bytes]);
    const start = startOfTls(all);
    this.discarded += start;
    this.held = Buffer.from(all.subarray(start));
    if (this.held.length < 2 && this.discarded <= MAX_DISCARDED) return NOTHING;
    this.begun = true;
    return this.held;
  }

  outbound(bytes: Buffer): Buffer {
    return bytes;
  }
}

/** Where the first record may begin; the length when nowhere. */
function startOfTls(bytes: Buffer): number {
  for (let index = 0; index < bytes.length; index++) {
    const type = bytes[index];
    const major = bytes[index + 1] ?? 3;
    if ((type === CONTENT.handshake || type === CONTENT.alert) && major === 3) return index;
  }
  return bytes.length;
}
