import type { ByteTable } from './byte-table.ts';
import { indexOf, type Row } from './field.ts';

const SLASH = 0x2f;
const SPACE = 0x20;
const QUESTION = 0x3f;
const HASH = 0x23;

const HOST = indexOf('host');
const PORT = indexOf('port');
const PATH = indexOf('path');
const REQUEST = indexOf('request');

/**
 * The number of what a line calls: the host and the first segments of the path. A segment with a digit in it ends the
 * path, as most are ids, but for versions (`v2`). -1 where the line tells nothing, or the table is full.
 */
export function routeOf(bytes: Buffer, row: Row, segments: number, table: ByteTable): number {
  const { starts, ends } = row;
  let start = starts[PATH] ?? -1;
  let end = ends[PATH] ?? -1;
  if (start < 0 && (starts[REQUEST] ?? -1) >= 0) {
    // GET /path HTTP/1.1
    start = starts[REQUEST] ?? 0;
    end = ends[REQUEST] ?? 0;
    while (start < end && bytes[start] !== SPACE) start++;
    start = start === end ? -1 : start + 1;
  }
  const host = (starts[HOST] ?? -1) >= 0 ? HOST : PORT;
  const hostStart = starts[host] ?? -1;
  if (start < 0) return hostStart < 0 ? -1 : table.intern(bytes, hostStart, ends[host] ?? 0);
  const cut = endOfRoute(bytes, start, end, segments);
  return hostStart < 0
    ? table.intern(bytes, start, start, start, cut)
    : table.intern(bytes, hostStart, ends[host] ?? 0, start, cut);
}

function endOfRoute(bytes: Buffer, start: number, end: number, segments: number): number {
  if (bytes[start] !== SLASH) return start;
  let kept = start;
  let left = segments;
  let at = start + 1;
  while (left > 0 && at <= end) {
    const first = at;
    let digits = 0;
    while (at < end) {
      const byte = bytes[at] ?? 0;
      if (byte === SLASH || byte === QUESTION || byte === SPACE || byte === HASH) break;
      if (byte >= 0x30 && byte <= 0x39) digits += 1;
      at++;
    }
    const isVersion = digits > 0 && (bytes[first] === 0x76 || bytes[first] === 0x56) && digits === at - first - 1;
    if (at === first || (digits > 0 && !isVersion)) break;
    kept = at;
    left -= 1;
    if (bytes[at] !== SLASH) break;
    at++;
  }
  return kept;
}

/** The text of a route, for people. */
export function routeText(text: string): string {
  const [host = '', path = ''] = text.split('\n');
  const where = Buffer.from(host, 'latin1').toString('utf8');
  const what = Buffer.from(path, 'latin1').toString('utf8');
  return /^\d{1,5}$/.test(where) ? `port ${where}${what}` : `${where}${what}` || '/';
}
