import * as zlib from 'node:zlib';

import { ByteReader } from '../byte-reader.ts';
import { MAX_BYTES } from '../server-flight.ts';
import { HelloFault } from './fault.ts';

type Decompress = (bytes: Buffer, options: { readonly maxOutputLength: number }) => Buffer;

/** Ways of compressing a certificate, RFC 8879 section 7.3, that this Node can undo; Zstandard since Node 22.15. */
export const COMPRESSIONS: ReadonlyMap<number, Decompress> = new Map<number, Decompress>([
  [2, (bytes, options) => zlib.brotliDecompressSync(bytes, options)],
  [1, (bytes, options) => zlib.inflateSync(bytes, options)],
  ...(typeof zlib.zstdDecompressSync === 'function'
    ? [[3, (bytes: Buffer, options: object) => zlib.zstdDecompressSync(bytes, options)] as const]
    : []),
]);

/** The body of the Certificate message in a CompressedCertificate, RFC 8879 section 4; never longer than it said itself. */
export function decompressCertificate(body: Buffer): Buffer {
  const reader = new ByteReader(body);
  const decompress = COMPRESSIONS.get(reader.number(2));
  const length = reader.number(3);
  const compressed = reader.vector(3);
  if (decompress === undefined || !reader.done) throw new HelloFault('malformed');
  if (length > MAX_BYTES) throw new HelloFault('too_large');
  let bytes: Buffer;
  try {
    bytes = decompress(compressed, { maxOutputLength: Math.max(length, 1) });
  } catch {
    throw new HelloFault('malformed');
  }
  if (bytes.length !== length) throw new HelloFault('malformed');
  return bytes;
}
