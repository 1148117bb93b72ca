import { CollectError } from '../../src/plugin/error.ts';

/** Longer objects are passed by: the API server itself takes none above 3 MiB. */
const MAX_ITEM_BYTES = 8 * 1024 * 1024;
/** What stands around the items: kind, version, metadata. */
const MAX_ENVELOPE_BYTES = 256 * 1024;
/** Of an object that is too long: enough to find its name, which comes first. */
const START_BYTES = 4 * 1024;

/** Enough for the key and the white space behind it. */
const TAIL_BYTES = 64;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;

/** Nested in the document: itself, the list of items, one item. */
const IN_LIST = 2;
const IN_ITEM = 3;

const ITEMS_KEY = /"items"\s*:\s*$/;

export type JsonItem =
  { readonly kind: 'item'; readonly bytes: Buffer } | { readonly kind: 'too-large'; readonly start: Buffer };

/**
 * Takes a JSON document `{…, "items": [{…}, {…}], …}` apart while it arrives: at no time is more than one item held. Gives
 * the bytes of each item, and at last the document without its items. Throws CollectError `closed` when it ends too early,
 * `malformed` when it is no such document; errors of `body` as they are.
 */
export async function* splitItems(
  body: AsyncIterable<Uint8Array>,
  what: string,
): AsyncGenerator<JsonItem, unknown, undefined> {
  const envelope: Buffer[] = [];
  let envelopeBytes = 0;
  let pieces: Buffer[] = [];
  let itemBytes = 0;
  let depth = 0;
  let isList = false;
  let inString = false;
  /** Whether an odd number of backslashes stands directly before the next byte. */
  let isEscaped = false;

  function keepEnvelope(part: Buffer): void {
    envelopeBytes += part.length;
    if (envelopeBytes > MAX_ENVELOPE_BYTES) {
      throw new CollectError('malformed', `${what}: the answer is no list of a cluster`);
    }
    envelope.push(part);
  }

  function keepItem(part: Buffer): void {
    if (itemBytes <= MAX_ITEM_BYTES) pieces.push(part);
    itemBytes += part.length;
  }

  function endItem(): JsonItem {
    const isTooLarge = itemBytes > MAX_ITEM_BYTES;
    const bytes = pieces.length === 1 && pieces[0] !== undefined ? pieces[0] : Buffer.concat(pieces);
    pieces = [];
    itemBytes = 0;
    return isTooLarge
      ? { kind: 'too-large', start: Buffer.from(bytes.subarray(0, START_BYTES)) }
      : { kind: 'item', bytes };
  }

  for await (const arrived of body) {
    const chunk = Buffer.from(arrived.buffer, arrived.byteOffset, arrived.byteLength);
    /** Where what is to be kept of this chunk begins; between two items nothing is. */
    let from = 0;
    let at = 0;
    while (at < chunk.length) {
      if (inString) {
        const quote = chunk.indexOf(QUOTE, at);
        const end = quote < 0 ? chunk.length : quote;
        isEscaped = endsInEscape(chunk, at, end, isEscaped);
        at = end + 1;
        if (quote < 0) break;
        if (isEscaped) isEscaped = false;
        else inString = false;
        continue;
      }
      switch (chunk[at]) {
        case QUOTE:
          inString = true;
          isEscaped = false;
          break;
        case OPEN_BRACE:
        case OPEN_BRACKET:
          depth += 1;
          if (depth === IN_LIST && chunk[at] === OPEN_BRACKET) {
            isList = ITEMS_KEY.test(tail(envelope, chunk.subarray(from, at)));
            if (isList) keepEnvelope(chunk.subarray(from, at + 1));
          } else if (isList && depth === IN_ITEM) from = at;
          break;
        case CLOSE_BRACE:
        case CLOSE_BRACKET:
          depth -= 1;
          if (isList && depth === IN_LIST) {
            keepItem(chunk.subarray(from, at + 1));
            yield endItem();
          } else if (isList && depth === IN_LIST - 1) {
            isList = false;
            from = at;
          }
          break;
        default:
      }
      at += 1;
    }
    if (!isList) keepEnvelope(chunk.subarray(from));
    else if (depth >= IN_ITEM) keepItem(chunk.subarray(from));
  }
  if (depth !== 0 || inString) throw new CollectError('closed', `${what}: the answer was cut off`);
  try {
    return JSON.parse(Buffer.concat(envelope).toString('utf8')) as unknown;
  } catch (error) {
    throw new CollectError('malformed', `${what}: the answer is no list of a cluster`, { cause: error });
  }
}

/** Whether the bytes before `end` are an odd number of backslashes; `before` is that of what came before `start`. */
function endsInEscape(chunk: Buffer, start: number, end: number, before: boolean): boolean {
  let first = end;
  while (first > start && chunk[first - 1] === BACKSLASH) first -= 1;
  const isOdd = (end - first) % 2 === 1;
  return first === start ? isOdd !== before : isOdd;
}

/** The last characters before a place, however small the pieces were. */
function tail(envelope: readonly Buffer[], last: Buffer): string {
  let text = last.subarray(-TAIL_BYTES).toString('latin1');
  for (let rank = envelope.length - 1; rank >= 0 && text.length < TAIL_BYTES; rank--) {
    text = (envelope[rank]?.subarray(-TAIL_BYTES).toString('latin1') ?? '') + text;
  }
  return text;
}
