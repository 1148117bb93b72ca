const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];

/** `2026-11-23T13:00:00Z`, `2026-11-23T13:00:00.123+01:00`, `2026-11-23 13:00:00 UTC` */
const ISO = /^(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d):(\d\d)(?:[.,](\d{1,9}))?\s*(Z|UTC|GMT|[+-]\d\d:?\d\d)?$/i;
/** `23/Nov/2026:13:00:00 +0100`, `[23/Nov/2026:13:00:00.123]` */
const CLF = /^\[?(\d{1,2})\/([A-Za-z]{3})\/(\d{4}):(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?\s*([+-]\d{4})?\]?$/;
/** `Nov 23 13:00:00 2026 GMT`, as OpenSSL prints a time */
const OPENSSL = /^([A-Za-z]{3})\s+(\d{1,2})\s+(\d\d):(\d\d):(\d\d)(?:\.\d+)?\s+(\d{4})(?:\s+(?:GMT|UTC))?$/;
/** `261123130000Z`, `20261123130000Z`, the times of ASN.1 */
const ASN1 = /^(\d{2}|\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z?$/;
const EPOCH = /^(\d{9,11})(?:\.(\d{1,9}))?$/;
const EPOCH_MS = /^\d{12,14}$/;

/** Milliseconds since the epoch of a time as logs write one; `undefined` for anything else. Without a zone it is UTC. */
export function parseMoment(text: string): number | undefined {
  const iso = ISO.exec(text);
  if (iso !== null) return instant([iso[1], iso[2], iso[3], iso[4], iso[5], iso[6]], iso[8]);
  const clf = CLF.exec(text);
  if (clf !== null) return instant([clf[3], month(clf[2]), clf[1], clf[4], clf[5], clf[6]], clf[8]);
  const openssl = OPENSSL.exec(text);
  if (openssl !== null) return instant([openssl[6], month(openssl[1]), openssl[2], openssl[3], openssl[4], openssl[5]]);
  const epoch = EPOCH.exec(text);
  if (epoch !== null) return Number(epoch[1]) * 1000;
  if (EPOCH_MS.test(text)) return Number(text);
  const asn1 = ASN1.exec(text);
  if (asn1 === null) return undefined;
  const [, year = ''] = asn1;
  // RFC 5280 section 4.1.2.5.1
  const full = year.length === 4 ? year : Number(year) >= 50 ? `19${year}` : `20${year}`;
  return instant([full, asn1[2], asn1[3], asn1[4], asn1[5], asn1[6]]);
}

function month(name = ''): string | undefined {
  const index = MONTHS.indexOf(name.toLowerCase());
  return index < 0 ? undefined : String(index + 1);
}

function instant(fields: readonly (string | undefined)[], zone?: string): number | undefined {
  const [year = NaN, month_ = NaN, day = NaN, hour = NaN, minute = NaN, second = NaN] = fields.map((field) =>
    field === undefined ? NaN : Number(field),
  );
  if (!(month_ >= 1 && month_ <= 12 && day >= 1 && day <= 31 && hour <= 23 && minute <= 59 && second <= 60)) {
    return undefined;
  }
  const utc = Date.UTC(year, month_ - 1, day, hour, minute, second);
  const offset = /^([+-])(\d\d):?(\d\d)$/.exec(zone ?? '');
  if (offset === null) return utc;
  const ms = (Number(offset[2]) * 60 + Number(offset[3])) * 60_000;
  return offset[1] === '-' ? utc + ms : utc - ms;
}

/** Reads the times of lines that follow each other: most are of the same second as the one before. */
export class Moments {
  private readonly known = Buffer.alloc(MAX_LENGTH);
  private length = -1;
  private value: number | undefined;

  /** The time that stands at `[start, end)`. */
  read(bytes: Buffer, start: number, end: number): number | undefined {
    const length = end - start;
    if (length > MAX_LENGTH || length <= 0) return undefined;
    if (length === this.length && this.isKnown(bytes, start)) return this.value;
    bytes.copy(this.known, 0, start, end);
    this.length = length;
    this.value = parseMoment(bytes.toString('latin1', start, end));
    return this.value;
  }

  private isKnown(bytes: Buffer, start: number): boolean {
    // The seconds change before the rest does.
    for (let at = this.length - 1; at >= 0; at--) if (bytes[start + at] !== this.known[at]) return false;
    return true;
  }
}

const MAX_LENGTH = 40;
