import { unescapeField, readClient, type ReadClient } from './client.ts';
import { createRow, FIELDS, indexOf, type Field, type Format } from './field.ts';
import { Moments } from './moment.ts';
import { routeOf } from './route.ts';
import type { Tally } from './tally.ts';

/** Nothing that a server writes on purpose is longer. */
export const MAX_LINE = 128 * 1024;
/** Enough of a certificate to know it again: what it ends with is its signature. */
const KEY_END = 160;
/** The hash of the certificate stands at the beginning of a forwarded header. */
const KEY_FORWARDED = 512;
/** A server's clock may be a little ahead; a time further ahead is none. */
const AHEAD_MS = 3_600_000;

const NEWLINE = 0x0a;
const DASH = 0x2d;

const TIME = indexOf('time');
const VERIFY = indexOf('verify');
const CERTIFICATE = indexOf('certificate');
const XFCC = indexOf('xfcc');
const SHA256 = indexOf('sha256');
const SHA1 = indexOf('sha1');
const SERIAL = indexOf('serial');
const ISSUER = indexOf('issuer');
const SUBJECT = indexOf('subject');
const NOT_AFTER = indexOf('not_after');
const VALIDITY = indexOf('validity');

/** What became of the lines since this was asked last. */
export interface LineCounts {
  readonly lines: number;
  /** Lines that are not of the format, or too long. */
  readonly misfits: number;
  /** Lines of clients whose certificate the server did not accept: what it says is anybody's word. */
  readonly refused: number;
  /** Lines of clients that there was no room for. */
  readonly overflow: number;
  /** Lines with a certificate that could not be read. */
  readonly unreadable: number;
}

export interface ScannerParts {
  readonly format: Format;
  readonly tally: Tally;
  /** Segments of a path that tell APIs apart. */
  readonly segments: number;
  readonly now: number;
  /** Numbers of what stands for nothing readable; is added to. */
  readonly unreadable: Set<number>;
  /** A certificate that is not in the tally yet. */
  onClient(client: number, read: ReadClient): void;
}

/** Reads lines and counts whose they are. */
export class Scanner {
  private readonly parts: ScannerParts;
  private readonly row = createRow();
  private readonly moments = new Moments();
  private readonly isJson: boolean;
  private lines = 0;
  private misfits = 0;
  private refused = 0;
  private overflow = 0;
  private unreadable = 0;

  constructor(parts: ScannerParts) {
    this.parts = parts;
    this.isJson = parts.format.escaping === 'json';
  }

  /**
   * Reads the whole lines in `[0, end)` and gives how many bytes they are: what is left belongs to a line of which the end
   * is still to come.
   */
  scan(bytes: Buffer, end: number): number {
    let at = 0;
    for (;;) {
      const newline = bytes.indexOf(NEWLINE, at);
      if (newline < 0 || newline >= end) return at;
      if (newline > at) this.line(bytes, at, bytes[newline - 1] === 0x0d ? newline - 1 : newline);
      at = newline + 1;
    }
  }

  /** A line that is too long to be one was passed by. */
  passBy(): void {
    this.lines += 1;
    this.misfits += 1;
  }

  counts(): LineCounts {
    const { lines, misfits, refused, overflow, unreadable } = this;
    return { lines, misfits, refused, overflow, unreadable };
  }

  private line(bytes: Buffer, start: number, end: number): void {
    const { format, tally, segments, now, unreadable } = this.parts;
    const { row } = this;
    this.lines += 1;
    if (end - start > MAX_LINE || !format.readLine(bytes, start, end, row)) {
      this.misfits += 1;
      return;
    }
    switch (this.verdict(bytes)) {
      case 'none':
        return;
      case 'refused':
        this.refused += 1;
        return;
      case 'accepted':
        break;
    }
    const before = tally.keys.size;
    const client = this.internClient(bytes);
    if (client === NOBODY) return;
    if (client < 0) {
      this.overflow += 1;
      return;
    }
    if (client >= before) this.meet(client, bytes);
    if (unreadable.size > 0 && unreadable.has(client)) {
      this.unreadable += 1;
      return;
    }
    const time = this.has(TIME) ? this.moments.read(bytes, row.starts[TIME] ?? 0, row.ends[TIME] ?? 0) : undefined;
    const at = time === undefined || time > now + AHEAD_MS ? now : time;
    tally.note(client, at, routeOf(bytes, row, segments, tally.routes));
  }

  private meet(client: number, bytes: Buffer): void {
    const read = readClient((field) => this.text(bytes, field));
    if (read === undefined) this.parts.unreadable.add(client);
    else this.parts.onClient(client, read);
  }

  /** The field as text; undefined where the line has none, or a dash. */
  private text(bytes: Buffer, field: Field): string | undefined {
    const number = FIELDS.indexOf(field);
    if (!this.isFilled(bytes, number)) return undefined;
    return unescapeField(bytes, this.row.starts[number] ?? 0, this.row.ends[number] ?? 0, this.parts.format.escaping);
  }

  private has(field: number): boolean {
    return (this.row.starts[field] ?? -1) >= 0;
  }

  private isFilled(bytes: Buffer, field: number): boolean {
    const start = this.row.starts[field] ?? -1;
    if (start < 0) return false;
    const length = (this.row.ends[field] ?? 0) - start;
    if (length === 0 || (length === 1 && bytes[start] === DASH)) return false;
    // `null`
    return !(this.isJson && length === 4 && bytes[start] === 0x6e && bytes[start + 3] === 0x6c);
  }

  /**
   * What the server says of the client's certificate: nginx and Apache SUCCESS, AWS Success, HAProxy and OpenSSL 0. Without
   * such a field the log is one of clients that were accepted.
   */
  private verdict(bytes: Buffer): 'none' | 'refused' | 'accepted' {
    if (!this.has(VERIFY)) return 'accepted';
    if (!this.isFilled(bytes, VERIFY)) return 'none';
    const start = this.row.starts[VERIFY] ?? 0;
    const length = (this.row.ends[VERIFY] ?? 0) - start;
    const first = (bytes[start] ?? 0) | 0x20;
    if (length === 1) return bytes[start] === 0x30 ? 'accepted' : 'refused';
    if (length === 7 && first === 0x73) {
      return bytes.toString('latin1', start, start + length).toLowerCase() === 'success' ? 'accepted' : 'refused';
    }
    if (length === 4 && first === 0x6e) return 'none';
    return 'refused';
  }

  /** The number of the certificate, by the shortest thing of the line that tells it apart from others. */
  private internClient(bytes: Buffer): number {
    const { starts, ends } = this.row;
    const { keys } = this.parts.tally;
    for (const field of ONE_FIELD) {
      if (this.isFilled(bytes, field)) return keys.intern(bytes, starts[field] ?? 0, ends[field] ?? 0);
    }
    if (this.isFilled(bytes, CERTIFICATE)) {
      const end = ends[CERTIFICATE] ?? 0;
      return keys.intern(bytes, Math.max(starts[CERTIFICATE] ?? 0, end - KEY_END), end);
    }
    if (this.isFilled(bytes, XFCC)) {
      const start = starts[XFCC] ?? 0;
      const end = ends[XFCC] ?? 0;
      if (end - start <= 2 * KEY_FORWARDED) return keys.intern(bytes, start, end);
      return keys.intern(bytes, start, start + KEY_FORWARDED, end - KEY_FORWARDED, end);
    }
    for (const [first, second] of TWO_FIELDS) {
      if (this.isFilled(bytes, first) && this.isFilled(bytes, second)) {
        return keys.intern(bytes, starts[first] ?? 0, ends[first] ?? 0, starts[second], ends[second]);
      }
    }
    return this.isFilled(bytes, SUBJECT) ? keys.intern(bytes, starts[SUBJECT] ?? 0, ends[SUBJECT] ?? 0) : NOBODY;
  }
}

const NOBODY = -2;
const ONE_FIELD = [SHA256, SHA1] as const;
const TWO_FIELDS = [
  [SERIAL, ISSUER],
  [SERIAL, SUBJECT],
  [SUBJECT, NOT_AFTER],
  [SUBJECT, VALIDITY],
] as const;
