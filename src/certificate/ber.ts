import { DerError, Tag } from './der.ts';

const MAX_DEPTH = 64;
const OCTETS_IN_PIECES = Tag.octetString | 0x20;
/** Ranges that are put together anew; a large keystore has some thousand. */
const MAX_PIECES = 100_000;

/**
 * The first element of `bytes` with the lengths of all constructed elements definite and minimal and each OCTET STRING in
 * one piece, as DER has them. What was DER stays as it was, so a signature over it still fits; when all of it was, a view
 * of it is given. Takes time and memory linear in the length. Throws `DerError`.
 */
export function toDefiniteLengths(bytes: Uint8Array): Uint8Array {
  const output = new Output(bytes);
  convert(bytes, 0, bytes.length, 0, output);
  return output.octets();
}

/** A range of the input, behind a header that replaces the one that stood there. */
interface Piece {
  header: Uint8Array | undefined;
  start: number;
  end: number;
}

/** What is written: ranges of the input, as few as can be. */
class Output {
  readonly pieces: Piece[] = [];
  length = 0;
  private readonly bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  /** Appends a range that is copied as it is. */
  copy(start: number, end: number): void {
    const last = this.pieces.at(-1);
    if (last?.end === start) last.end = end;
    else this.push({ header: undefined, start, end });
    this.length += end - start;
  }

  /** Begins a constructed element whose header is not yet known; gives the number of its piece. */
  open(contentStart: number): number {
    return this.push({ header: undefined, start: contentStart, end: contentStart });
  }

  private push(piece: Piece): number {
    if (this.pieces.length >= MAX_PIECES) throw new DerError('it is in too many pieces', piece.start);
    return this.pieces.push(piece) - 1;
  }

  /** Ends the element of piece `slot`, which holds `length` octets and whose header was `[start, contentStart)`. */
  close(slot: number, start: number, tag: number, length: number): void {
    const piece = this.pieces[slot] as Piece;
    const header = encodeHeader(tag, length);
    this.length += header.length;
    const same = header.length === piece.start - start && header.every((octet, at) => octet === this.bytes[start + at]);
    if (!same) {
      piece.header = header;
      return;
    }
    piece.start = start;
    const before = this.pieces[slot - 1];
    if (before?.end !== start) return;
    before.end = piece.end;
    this.pieces.splice(slot, 1);
  }

  octets(): Uint8Array {
    const [first] = this.pieces;
    if (this.pieces.length === 1 && first !== undefined && first.header === undefined) {
      return this.bytes.subarray(first.start, first.end);
    }
    const octets = new Uint8Array(this.length);
    let at = 0;
    for (const { header, start, end } of this.pieces) {
      octets.set(header ?? [], at);
      at += header?.length ?? 0;
      octets.set(this.bytes.subarray(start, end), at);
      at += end - start;
    }
    return octets;
  }
}

interface Header {
  readonly tag: number;
  readonly indefinite: boolean;
  readonly contentStart: number;
  /** Behind the contents; the end of what holds it when the length is indefinite. */
  readonly end: number;
}

function readHeader(bytes: Uint8Array, start: number, limit: number): Header {
  const tag = bytes[start];
  const first = bytes[start + 1];
  if (tag === undefined || first === undefined || start + 2 > limit) {
    throw new DerError('the data ends inside an element', start);
  }
  if ((tag & 0x1f) === 0x1f) throw new DerError('the tag has more than one octet', start);
  if (first === 0x80) {
    if ((tag & 0x20) === 0) throw new DerError('a primitive element has an indefinite length', start);
    return { tag, indefinite: true, contentStart: start + 2, end: limit };
  }
  let length = first;
  let contentStart = start + 2;
  if (first > 0x80) {
    const count = first & 0x7f;
    if (count > 6 || contentStart + count > limit) throw new DerError('the length is cut or too large', start);
    length = 0;
    for (let index = 0; index < count; index++) length = length * 256 + (bytes[contentStart + index] as number);
    contentStart += count;
  }
  const end = contentStart + length;
  if (end > limit) throw new DerError('an element is longer than what holds it', start);
  return { tag, indefinite: false, contentStart, end };
}

/** Writes the element at `start` and gives the offset behind it. */
function convert(bytes: Uint8Array, start: number, limit: number, depth: number, output: Output): number {
  if (depth > MAX_DEPTH) throw new DerError('the structure is too deep', start);
  const header = readHeader(bytes, start, limit);
  const { tag, indefinite, contentStart, end } = header;
  if ((tag & 0x20) === 0) {
    output.copy(start, end);
    return end;
  }
  const slot = output.open(contentStart);
  const before = output.length;
  if (tag === OCTETS_IN_PIECES) {
    const behind = joinPieces(bytes, header, depth, output);
    output.close(slot, start, Tag.octetString, output.length - before);
    return behind;
  }
  let at = contentStart;
  while (indefinite ? !endsAt(bytes, at, limit) : at < end) at = convert(bytes, at, end, depth + 1, output);
  output.close(slot, start, tag, output.length - before);
  return indefinite ? at + 2 : end;
}

/** Writes the contents of the pieces of an OCTET STRING (X.690 8.7.3), which may be in pieces themselves. */
function joinPieces(
  bytes: Uint8Array,
  { indefinite, contentStart, end }: Header,
  depth: number,
  output: Output,
): number {
  if (depth > MAX_DEPTH) throw new DerError('the structure is too deep', contentStart);
  let at = contentStart;
  while (indefinite ? !endsAt(bytes, at, end) : at < end) {
    const piece = readHeader(bytes, at, end);
    if (piece.tag === OCTETS_IN_PIECES) at = joinPieces(bytes, piece, depth + 1, output);
    else if (piece.tag === Tag.octetString) {
      output.copy(piece.contentStart, piece.end);
      at = piece.end;
    } else throw new DerError('a piece of an OCTET STRING is none', at);
  }
  return indefinite ? at + 2 : end;
}

/** Whether the two end-of-contents octets are at `at`. */
function endsAt(bytes: Uint8Array, at: number, limit: number): boolean {
  if (at + 2 > limit) throw new DerError('the end of an indefinite length is missing', at);
  return bytes[at] === 0 && bytes[at + 1] === 0;
}

function encodeHeader(tag: number, length: number): Uint8Array {
  if (length < 0x80) return Uint8Array.of(tag, length);
  const octets: number[] = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) octets.unshift(rest % 256);
  return Uint8Array.of(tag, 0x80 | octets.length, ...octets);
}
