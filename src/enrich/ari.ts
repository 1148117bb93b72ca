import type { Certificate } from '../certificate/certificate.ts';
import { nameKey } from '../certificate/name-key.ts';
import type { BinaryResponse } from '../network/http.ts';
import type { Answer, CertificateEnricher, EnrichContext, WantedCertificate } from './enricher.ts';
import { DAY_MS, LONG_WAIT_MS, MINUTE_MS, clamp, problemOf, retryAfterMs, vain } from './retry.ts';

const DEADLINE_MS = 10_000;
const MAX_BYTES = 64 * 1024;
const MAX_URL_LENGTH = 2_048;
/** Directories change rarely; what is read of them is one URL. */
const DIRECTORY_FRESH_MS = DAY_MS;

/** Whose certificates are asked about where: an organization as the issuer's name has it, or the key id of an issuer. */
export type AriDirectories = ReadonlyMap<string, string>;

/**
 * Asks the CA when a certificate should be renewed (RFC 9773), without an account. Only issuers that the config names are
 * asked, each at the ACME directory that it names for them: a private CA never hears of this, nor anyone of it.
 */
export function createAri(directories: AriDirectories): CertificateEnricher {
  const known = new Map<string, { readonly renewalInfo: string; readonly freshUntil: number }>();

  /** Where the CA answers. Throws NetworkError and Refusal. */
  async function renewalInfo(directory: string, context: EnrichContext, signal: AbortSignal): Promise<string> {
    const cached = known.get(directory);
    if (cached !== undefined && context.clock.now() < cached.freshUntil) return cached.renewalInfo;
    const response = await context.fetch(directory, limits(), signal);
    const now = context.clock.now();
    if (response.status !== 200) throw refusal('the ACME directory', response, now);
    const url = textOf(fieldOf(parseJson(response.body), 'renewalInfo'), MAX_URL_LENGTH);
    if (url === undefined || !/^https?:\/\//i.test(url)) {
      throw new Refusal(
        'the ACME directory names no renewalInfo: this CA does not publish when to renew',
        now + DAY_MS,
      );
    }
    known.set(directory, { renewalInfo: url, freshUntil: now + DIRECTORY_FRESH_MS });
    return url;
  }

  async function ask(wanted: WantedCertificate, context: EnrichContext, signal: AbortSignal): Promise<Answer> {
    const id = certId(wanted.certificate);
    const directory = directoryOf(wanted.certificate, directories);
    if (id === undefined || directory === undefined) {
      return vain(wanted, context.clock.now(), 'it cannot be asked about', context.clock.now() + DAY_MS);
    }
    try {
      const base = await renewalInfo(directory, context, signal);
      const response = await context.fetch(`${base.replace(/\/$/, '')}/${id}`, limits(), signal);
      return read(wanted, response, context.clock.now());
    } catch (error) {
      if (error instanceof Refusal) return vain(wanted, context.clock.now(), error.message, error.askAgainAt);
      return vain(wanted, context.clock.now(), problemOf(error));
    }
  }

  return {
    name: 'ari',
    applies: (certificate) =>
      !certificate.isCa && certId(certificate) !== undefined && directoryOf(certificate, directories) !== undefined,
    async *enrich(wanted, context, signal) {
      for (const one of wanted) yield await ask(one, context, signal);
    },
  };
}

/** RFC 9773 section 4.1; the serial number with its leading zero. `undefined` without an authority key identifier. */
export function certId({ authorityKeyId, serial }: Certificate): string | undefined {
  if (authorityKeyId === undefined || authorityKeyId === '' || serial === '') return undefined;
  const parts = [authorityKeyId, serial].map((hex) => Buffer.from(hex, 'hex').toString('base64url'));
  return parts.join('.');
}

function directoryOf(certificate: Certificate, directories: AriDirectories): string | undefined {
  if (directories.size === 0) return undefined;
  const byKey = certificate.authorityKeyId === undefined ? undefined : directories.get(certificate.authorityKeyId);
  if (byKey !== undefined) return byKey;
  const issuer = `,${nameKey(certificate.issuer.text)},`;
  for (const [organization, url] of directories) {
    // As the name is written in RFC 4514, where a comma inside of a value is escaped.
    if (issuer.includes(`,o=${nameKey(organization.replace(/[,+"\\<>;]/g, '\\$&'))},`)) return url;
  }
  return undefined;
}

/** The other side has answered, but not with what was asked for. */
class Refusal extends Error {
  readonly askAgainAt: number | undefined;

  constructor(message: string, askAgainAt?: number) {
    super(message);
    this.askAgainAt = askAgainAt;
  }
}

function limits(): { readonly deadlineMs: number; readonly maxBytes: number } {
  return { deadlineMs: DEADLINE_MS, maxBytes: MAX_BYTES };
}

/** What lasts is asked again after six hours, what passes soon (RFC 9773 section 4.3.2), and who names a time is heeded. */
function refusal(what: string, { status, headers }: BinaryResponse, now: number): Refusal {
  const wished = retryAfterMs(headers.get('retry-after'), now);
  const passes = status === 429 || status >= 500;
  const askAgainAt =
    wished === undefined ? (passes ? undefined : now + LONG_WAIT_MS) : now + clamp(wished, MINUTE_MS, DAY_MS);
  return new Refusal(`${what} answers HTTP ${status}`, askAgainAt);
}

function read(wanted: WantedCertificate, response: BinaryResponse, now: number): Answer {
  if (response.status !== 200) throw refusal('the CA', response, now);
  const answer = parseJson(response.body);
  const window = fieldOf(answer, 'suggestedWindow');
  const startAt = instant(fieldOf(window, 'start'));
  const endAt = instant(fieldOf(window, 'end'));
  if (startAt === undefined || endAt === undefined || endAt <= startAt) {
    throw new Refusal('the CA answers with something that is no window', now + LONG_WAIT_MS);
  }
  const explanationUrl = textOf(fieldOf(answer, 'explanationURL'), MAX_URL_LENGTH);
  const wished = retryAfterMs(response.headers.get('retry-after'), now);
  return {
    subject: wanted.subject,
    learned: {
      kind: 'renewal',
      at: now,
      startAt,
      endAt,
      ...(explanationUrl === undefined || !/^https?:\/\//i.test(explanationUrl) ? {} : { explanationUrl }),
    },
    askAgainAt: wished === undefined ? now + LONG_WAIT_MS : now + clamp(wished, MINUTE_MS, DAY_MS),
  };
}

function parseJson(body: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(body).toString('utf8'));
  } catch {
    return undefined;
  }
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, name)
    ? (value as Readonly<Record<string, unknown>>)[name]
    : undefined;
}

function textOf(value: unknown, most: number): string | undefined {
  return typeof value === 'string' && value.length <= most ? value : undefined;
}

const RFC_3339 = /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)$/;

function instant(value: unknown): number | undefined {
  const text = textOf(value, 64);
  const at = text !== undefined && RFC_3339.test(text) ? Date.parse(text.replace(' ', 'T').toUpperCase()) : NaN;
  return Number.isNaN(at) ? undefined : at;
}
