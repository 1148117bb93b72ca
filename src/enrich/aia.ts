import { certificateIn, type Certificate } from '../certificate/certificate.ts';
import { readContainer } from '../certificate/container.ts';
import { findIssuer } from '../certificate/issuer.ts';
import type { Answer, CertificateEnricher, EnrichContext, WantedCertificate } from './enricher.ts';
import { DAY_MS, httpUrls, problemOf, vain } from './retry.ts';

const MAX_URLS = 3;
const MAX_BYTES = 256 * 1024;
const DEADLINE_MS = 10_000;
/** Certificates of one answer whose signature is checked. */
const MAX_CANDIDATES = 16;
const ASK_AGAIN_MS = 7 * DAY_MS;

/**
 * Finds the issuer that nobody sent, from where the certificate says it is (RFC 5280 4.2.2.1), to name what is missing.
 * The answer is one certificate, PEM, or a bundle of them; it counts when its key has signed.
 */
export const aia: CertificateEnricher = {
  name: 'aia',
  applies: (certificate, issuer) =>
    issuer === undefined &&
    certificate.subject.text !== certificate.issuer.text &&
    httpUrls(certificate.issuerUrls, 1).length > 0,
  async *enrich(wanted, context, signal) {
    for (const one of wanted) yield await ask(one, context, signal);
  },
};

async function ask(wanted: WantedCertificate, context: EnrichContext, signal: AbortSignal): Promise<Answer> {
  let problem = 'the certificate names no URL of its issuer that can be fetched';
  for (const url of httpUrls(wanted.certificate.issuerUrls, MAX_URLS)) {
    try {
      const { status, body } = await context.fetch(url, { maxBytes: MAX_BYTES, deadlineMs: DEADLINE_MS }, signal);
      const issuer =
        status === 200 ? findIssuer(wanted.certificate, [certificatesIn(body)], MAX_CANDIDATES) : undefined;
      const at = context.clock.now();
      if (issuer !== undefined) {
        const learned = { kind: 'issuer', at, der: issuer.der, url } as const;
        return { subject: wanted.subject, learned, askAgainAt: at + ASK_AGAIN_MS };
      }
      problem =
        status === 200
          ? 'what lies at the URL of the issuer is not the certificate that issued this one'
          : `the URL of the issuer answers HTTP ${status}`;
    } catch (error) {
      problem = problemOf(error);
    }
  }
  return vain(wanted, context.clock.now(), problem);
}

function certificatesIn(body: Uint8Array): readonly Certificate[] {
  const alone = certificateIn(body);
  if (alone !== undefined) return [alone];
  return readContainer(body, { maxCostMs: 0 }).parts.flatMap((part) =>
    part.kind === 'certificate' ? [part.certificate] : [],
  );
}
