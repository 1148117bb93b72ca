import { DerError } from './der.ts';

const MAX_DEPTH = 64;

/**
 * The first element of `bytes` with the lengths of all constructed elements definite and minimal, as DER has them. What
 * was DER stays as it was, so a signature over it still fits. Throws `DerError`.
 */
export function toDefiniteLengths(bytes: Uint8Array): Uint8Array {
  const parts: Uint8Array[] = [];
  convert(bytes, 0, bytes.length, 0, parts);
  return Buffer.concat(parts);
}

/** Appends the element at `start` to `parts` and gives the offset behind it. */
function convert(bytes: Uint8Array, start: number, limit: number, depth: number, parts: Uint8Array[]): number {
  if (depth > MAX_DEPTH) throw new DerError('the structure is too deep', start);
  const tag = bytes[start];
  const first = bytes[start + 1];
  if (tag === undefined || first === undefined || start + 2 > limit) {
    throw new DerError('the data ends inside an element', start);
  }
  if ((tag & 0x1f) === 0x1f) throw new DerError('the tag has more than one octet', start);
  const indefinite = first === 0x80;
  if (indefinite && (tag & 0x20) === 0) throw new DerError('a primitive element has an indefinite length', start);

  let contentStart = start + 2;
  let end = limit;
  if (!indefinite) {
    let length = first;
    if (first > 0x80) {
      const count = first & 0x7f;
      if (count > 6 || contentStart + count > limit) throw new DerError('the length is cut or too large', start);
      length = 0;
      for (let index = 0; index < count; index++) length = length * 256 + (bytes[contentStart + index] as number);
      contentStart += count;
    }
    end = contentStart + length;
    if (end > limit) throw new DerError('an element is longer than what holds it', start);
    // What is primitive is copied as it is.
    if ((tag & 0x20) === 0) {
      parts.push(bytes.subarray(start, end));
      return end;
    }
  }

  const slot = parts.push(bytes) - 1;
  let at = contentStart;
  while (indefinite ? !endsAt(bytes, at, limit) : at < end) at = convert(bytes, at, end, depth + 1, parts);
  let length = 0;
  for (let index = slot + 1; index < parts.length; index++) length += (parts[index] as Uint8Array).length;
  parts[slot] = header(tag, length);
  return indefinite ? at + 2 : end;
}

/** Whether the two end-of-contents octets are at `at`. */
function endsAt(bytes: Uint8Array, at: number, limit: number): boolean {
  if (at + 2 > limit) throw new DerError('the end of an indefinite length is missing', at);
  return bytes[at] === 0 && bytes[at + 1] === 0;
}

function header(tag: number, length: number): Uint8Array {
  if (length < 0x80) return Uint8Array.of(tag, length);
  const octets: number[] = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) octets.unshift(rest % 256);
  return Uint8Array.of(tag, 0x80 | octets.length, ...octets);
}
