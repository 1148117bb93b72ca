import { keyIdOfPrivateKey } from './key-id.ts';

/** What lies between a BEGIN and an END line. */
export interface PemBlock {
  /** `CERTIFICATE`, `X509 CRL`, `EC PRIVATE KEY`, … */
  readonly label: string;
  /** The decoded contents; empty when they could not be decoded and, always, for a private key that is not encrypted. */
  readonly der: Uint8Array;
  /** Where the BEGIN line is, in characters of the text. */
  readonly offset: number;
  /** Its line, counted from 1. */
  readonly line: number;
  /** A private key that needs a passphrase. */
  readonly encrypted: boolean;
  /** The identity of the key pair of a private key that is not encrypted (`keyIdOf`), when it can be told. */
  readonly keyId?: string;
  /** Why the block could not be read. */
  readonly problem?: PemProblem;
  /** A fault that was mended though OpenSSL refuses the file for it: what reads this file for a living will fail. */
  readonly mended?: string;
}

export interface PemProblem {
  readonly kind: 'malformed' | 'empty';
  readonly detail: string;
}

/** A file with more blocks is read up to here. */
export const MAX_PEM_BLOCKS = 10_000;

const MAX_LABEL = 64;
/** Of so many private keys the identity is told: for some it has to be computed. */
const MAX_KEYS = 100;
const NO_BYTES = new Uint8Array();
const LF = 0x0a;
const EQUALS = 0x3d;

/**
 * Finds every PEM block (RFC 7468) in a text as people produce it: among other text, indented, on one line, with literal
 * `\n`, with blank lines, any line ends, headers, a missing END line, too few dashes, in UTF-8 with or without a BOM or in
 * UTF-16. A block that cannot be read is given with a `problem`, never left out. Private keys are noticed and not kept.
 *
 * Never throws; takes time linear in the length. At most `MAX_PEM_BLOCKS` blocks; behind the last one comes one with an
 * empty label and a problem that says so.
 */
export function readPem(bytes: Uint8Array): PemBlock[] {
  const { text, mended } = decodeText(bytes);
  const blocks: PemBlock[] = [];
  const begins = new MarkerScan(text, 'BEGIN ');
  const ends = new MarkerScan(text, 'END ');
  const lines = new LineCounter(text);
  let keys = 0;
  let begin = begins.next(0);
  while (begin !== undefined) {
    const line = lines.lineAt(begin.start);
    if (blocks.length >= MAX_PEM_BLOCKS) {
      const detail = `there are more than ${MAX_PEM_BLOCKS} blocks; the rest was not read`;
      blocks.push({ ...NO_BLOCK, offset: begin.start, line, problem: { kind: 'malformed', detail } });
      break;
    }
    const next = begins.next(begin.end);
    const end = ends.next(begin.end);
    const closed = end !== undefined && (next === undefined || end.start < next.start);
    const bodyEnd = closed ? end.start : (next?.start ?? text.length);
    const faults = [mended, begin.fault];
    if (!closed) faults.push('the END line is missing');
    else faults.push(end.fault, end.label === begin.label ? undefined : `the END line says ${end.label}`);
    if (isPrivateKey(begin.label)) keys += 1;
    blocks.push({
      ...readBlock(begin.label, text.slice(begin.end, bodyEnd), closed, faults, keys <= MAX_KEYS),
      offset: begin.start,
      line,
    });
    begin = next;
  }
  return blocks;
}

const NO_BLOCK = { label: '', der: NO_BYTES, encrypted: false } as const;

/** Whether the text of a file could be UTF-16, and then as what; everything else is read byte by byte. */
function decodeText(bytes: Uint8Array): { text: string; mended?: string } {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const [first, second, third, fourth] = buffer;
  const littleEndian = (first === 0xff && second === 0xfe) || (first !== 0 && second === 0 && fourth === 0);
  if (littleEndian) return { text: buffer.toString('utf16le'), mended: 'the file is UTF-16' };
  const bigEndian = (first === 0xfe && second === 0xff) || (first === 0 && third === 0 && second !== 0 && fourth !== 0);
  if (!bigEndian) return { text: buffer.toString('latin1') };
  const swapped = Buffer.from(buffer.subarray(0, buffer.length - (buffer.length % 2))).swap16();
  return { text: swapped.toString('utf16le'), mended: 'the file is UTF-16' };
}

interface Marker {
  readonly label: string;
  readonly start: number;
  readonly end: number;
  readonly fault: string | undefined;
}

/** Finds `-----BEGIN LABEL-----` markers, each once, however often it is asked for the next one. */
class MarkerScan {
  private readonly text: string;
  private readonly keyword: string;
  private found: Marker | undefined;
  private scannedTo = 0;

  constructor(text: string, keyword: string) {
    this.text = text;
    this.keyword = `-${keyword}`;
  }

  /** The first marker that starts at `from` or behind it; `from` never goes back. */
  next(from: number): Marker | undefined {
    while (this.scannedTo >= 0 && (this.found === undefined || this.found.start < from)) {
      const at = this.text.indexOf(this.keyword, Math.max(this.scannedTo, from));
      if (at < 0) {
        this.scannedTo = -1;
        this.found = undefined;
        break;
      }
      this.scannedTo = at + 1;
      this.found = readMarker(this.text, at, at + this.keyword.length);
    }
    return this.found;
  }
}

/** Reads the marker whose last leading dash is at `dash` and whose label begins at `labelStart`. */
function readMarker(text: string, dash: number, labelStart: number): Marker | undefined {
  let start = dash;
  // More than five dashes are not counted further, so that a line of them stays cheap.
  while (start > 0 && dash - start < 9 && text[start - 1] === '-') start -= 1;
  const labelEnd = text.indexOf('-', labelStart);
  if (labelEnd < 0 || labelEnd - labelStart > MAX_LABEL) return undefined;
  const label = text.slice(labelStart, labelEnd).trim();
  if (!/^[A-Za-z0-9][A-Za-z0-9 .#/_]*$/.test(label)) return undefined;
  let end = labelEnd;
  while (end - labelEnd < 10 && text[end] === '-') end += 1;
  const leading = dash - start + 1;
  const trailing = end - labelEnd;
  // One dash is prose; fewer than five are a slip of the hand.
  if (leading < 2 || trailing < 2) return undefined;
  const fault = leading === 5 && trailing === 5 ? undefined : dashFault(leading, trailing);
  return { label: label.toUpperCase(), start, end, fault };
}

function dashFault(leading: number, trailing: number): string {
  // Files put together without a line break between them.
  if (leading >= 10 || trailing >= 10) return 'an END line and the next BEGIN line are one line';
  return 'a BEGIN or END line does not have five dashes';
}

/** Line numbers of offsets that only grow. CR, LF and CRLF end a line. */
class LineCounter {
  private readonly text: string;
  private offset = 0;
  private line = 1;

  constructor(text: string) {
    this.text = text;
  }

  lineAt(offset: number): number {
    for (; this.offset < offset; this.offset++) {
      const character = this.text[this.offset];
      if (character === '\n' || (character === '\r' && this.text[this.offset + 1] !== '\n')) this.line += 1;
    }
    return this.line;
  }
}

function readBlock(
  label: string,
  rawBody: string,
  closed: boolean,
  faults: (string | undefined)[],
  tellsKey: boolean,
): Omit<PemBlock, 'offset' | 'line'> {
  if (closed && !isPrivateKey(label)) {
    const der = decodeRegular(rawBody);
    if (der !== undefined) return mendedBlock(label, der, faults);
  }
  const body = unescapeBody(rawBody);
  if (body !== rawBody) faults.push('line breaks are written as \\n');
  const { base64, headers } = splitHeaders(body);
  if (isPrivateKey(label)) {
    return { label, ...readPrivateKey(label, headers, closed ? base64 : leadingBase64(base64), tellsKey) };
  }
  if (headers !== '') faults.push('there are headers before the contents');
  // Behind a missing END line may come anything; the contents end where the lines stop being base64.
  const contents = closed ? base64 : leadingBase64(base64);
  const digits = contents.replace(/[\s\0]+/g, '');
  if (digits === '') {
    return { label, der: NO_BYTES, encrypted: false, problem: { kind: 'empty', detail: 'the block is empty' } };
  }
  const der = decodeBase64(digits);
  if (der === undefined) {
    const detail = closed ? 'the contents are not base64' : 'the END line is missing and the contents are not base64';
    return { label, der: NO_BYTES, encrypted: false, problem: { kind: 'malformed', detail } };
  }
  return mendedBlock(label, der, [...faults, shapeFault(contents)]);
}

function mendedBlock(
  label: string,
  der: Uint8Array,
  faults: readonly (string | undefined)[],
): Pick<PemBlock, 'label' | 'der' | 'encrypted' | 'mended'> {
  const mended = faults.filter((fault) => fault !== undefined).join('; ');
  return mended === '' ? { label, der, encrypted: false } : { label, der, encrypted: false, mended };
}

/** Undoes the escapes of environment variables, JSON and shell strings. */
function unescapeBody(body: string): string {
  return body.includes('\\') ? body.replace(/\\[rnt]/g, '\n').replaceAll('\\/', '/') : body;
}

/** Takes off RFC 1421 headers (`Proc-Type: 4,ENCRYPTED`) with their continuation lines; base64 has no colon. */
function splitHeaders(body: string): { base64: string; headers: string } {
  if (!body.includes(':')) return { base64: body, headers: '' };
  const headers: string[] = [];
  const contents: string[] = [];
  let continues = false;
  for (const line of body.split(/\r\n|\n|\r/)) {
    const isHeader = line.includes(':');
    if (isHeader || (continues && /^[ \t]+\S/.test(line))) headers.push(line);
    else contents.push(line);
    continues = isHeader ? /^\S/.test(line) : continues && headers.at(-1) === line;
  }
  return { base64: contents.join('\n'), headers: headers.join('\n') };
}

function leadingBase64(body: string): string {
  const lines = body.split(/\r\n|\n|\r/);
  const firstOther = lines.findIndex((line) => !/^[A-Za-z0-9+/=\s\0]*$/.test(line));
  const kept = firstOther < 0 ? lines : lines.slice(0, firstOther);
  return kept.join('\n');
}

/**
 * Decodes contents as nearly every program writes them, lines of one length that end with LF, at a fraction of the cost;
 * undefined when there is anything else in them. The decoder passes over what is no base64: then octets are missing.
 */
function decodeRegular(body: string): Uint8Array | undefined {
  const stride = body.indexOf('\n', 1);
  if (body.charCodeAt(0) !== LF || body.charCodeAt(body.length - 1) !== LF || stride < 2) return undefined;
  if (body.charCodeAt(body.length - 2) === LF) return undefined;
  for (let at = stride; at < body.length - 1; at += stride) if (body.charCodeAt(at) !== LF) return undefined;
  // Of the alphabet of URLs, which the decoder knows as well.
  if (body.includes('-') || body.includes('_')) return undefined;
  let end = body.length - 1;
  while (end > 0 && body.length - 1 - end < 2 && body.charCodeAt(end - 1) === EQUALS) end -= 1;
  const padding = body.length - 1 - end;
  const significant = end - Math.ceil((body.length - 1) / stride);
  if (significant <= 0 || significant % 4 === 1 || (padding > 0 && (significant + padding) % 4 !== 0)) return undefined;
  const decoded = new Uint8Array(Math.floor((significant * 3) / 4));
  return Buffer.from(decoded.buffer).write(body, 'base64') === decoded.length ? decoded : undefined;
}

/** Decodes base64 without white space; `undefined` when it is not. Missing padding is allowed. */
export function decodeBase64(digits: string): Uint8Array | undefined {
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(digits)) return undefined;
  const padding = digits.endsWith('==') ? 2 : digits.endsWith('=') ? 1 : 0;
  const significant = digits.length - padding;
  if (significant % 4 === 1 || (padding > 0 && digits.length % 4 !== 0)) return undefined;
  // Memory of its own: a view of Node's pool would drag the pool along wherever it is sent.
  const decoded = new Uint8Array(Math.floor((significant * 3) / 4));
  Buffer.from(decoded.buffer).write(digits, 'base64');
  return decoded;
}

/** What OpenSSL refuses in the shape of the contents, though they decode. */
function shapeFault(contents: string): string | undefined {
  if (!/[\r\n]/.test(contents)) return 'everything is on one line';
  if (!contents.includes('\n')) return 'the lines end with CR alone';
  // The line of BEGIN ends first, and END stands on a line of its own.
  const lines = contents.split(/\r\n|\n/).slice(1, -1);
  if (lines.some((line) => line.trim() === '')) return 'there are blank lines';
  if (/\n[ \t]/.test(contents)) return 'the lines are indented';
  return undefined;
}

/** Whether a label is that of a private key, of whatever kind. */
export function isPrivateKey(label: string): boolean {
  return label.endsWith('PRIVATE KEY');
}

/** Nothing is kept of a private key but the identity of its pair; one that is encrypted in DER may still be opened. */
function readPrivateKey(
  label: string,
  headers: string,
  base64: string,
  tellsKey: boolean,
): Pick<PemBlock, 'der' | 'encrypted' | 'keyId'> {
  const encrypted = isEncrypted(label, headers, base64);
  if (label.startsWith('OPENSSH') || headers !== '') return { der: NO_BYTES, encrypted };
  const der = decodeBase64(base64.replace(/[\s\0]+/g, '')) ?? NO_BYTES;
  if (encrypted) return { der, encrypted };
  const keyId = tellsKey ? keyIdOfPrivateKey(der) : undefined;
  der.fill(0);
  return keyId === undefined ? { der: NO_BYTES, encrypted } : { der: NO_BYTES, encrypted, keyId };
}

function isEncrypted(label: string, headers: string, base64: string): boolean {
  if (label.includes('ENCRYPTED') || /ENCRYPTED/i.test(headers)) return true;
  if (label !== 'OPENSSH PRIVATE KEY') return false;
  // openssh-key-v1 NUL, then the length and the name of the cipher.
  const start = Buffer.from(base64.slice(0, 96).replace(/\s+/g, ''), 'base64');
  return start.subarray(15, 23).toString('latin1') !== '\0\0\0\u0004none';
}
