import { z } from 'zod';

import { type Fields, dateAt, fieldsAt, textAt, textsAt } from '../../src/cloud/answer.ts';
import { createGoogleInstance, type GoogleLook, relativeName } from '../../src/cloud/google.ts';
import { FRONTEND_ACTIONS, type GoogleFrontend, readFrontends } from '../../src/cloud/google-frontends.ts';
import { googleOptions } from '../../src/cloud/google-options.ts';
import { readChain } from '../../src/cloud/held.ts';
import { listCut, missingFrom } from '../../src/cloud/observation.ts';
import { defineCollector } from '../../src/plugin/collector.ts';
import type { Item } from '../../src/plugin/item.ts';
import type { Observation, Problem } from '../../src/plugin/observation.ts';

const LIST = 'compute.sslCertificates.list';

export const googleCompute = defineCollector({
  type: 'google-compute',
  summary: 'SSL certificates of load balancers in Google Compute, with the front ends that use them',
  options: z.strictObject(googleOptions),
  scope: () => 'cluster',
  create: (given, context) =>
    createGoogleInstance('google-compute', given, context, [
      { name: '', actions: [LIST, ...FRONTEND_ACTIONS], observe: observeCertificates },
    ]),
});

async function* observeCertificates(look: GoogleLook): AsyncGenerator<Observation, void, undefined> {
  const gaps: Problem[] = [];
  let frontends: readonly GoogleFrontend[] | undefined;
  for await (const page of look.aggregated({ action: LIST }, 'sslCertificates')) {
    if (page.kind === 'cut') {
      gaps.push(listCut(LIST, page.error));
      continue;
    }
    for (const certificate of page.items) {
      const link = textAt(certificate, 'selfLink');
      if (link === undefined) continue;
      frontends ??= await readFrontends(look, gaps);
      yield await observeCertificate(look, certificate, link, frontends);
    }
  }
  yield* missingFrom(look.here, gaps);
}

async function observeCertificate(
  look: GoogleLook,
  certificate: Fields,
  link: string,
  frontends: readonly GoogleFrontend[],
): Promise<Observation> {
  const location = link.replace(/^.*?\/projects\//, 'projects/');
  const using = frontends.filter(({ certificates }) => certificates.includes(relativeName(link)));
  const usedBy = using.flatMap(({ reference, endpoints }) => [...endpoints, reference]);
  const attributes = {
    role: 'server',
    renewal: renewalOf(certificate),
    ...(usedBy.length === 0 ? {} : { usedBy }),
  } as const;
  const pem = textAt(certificate, 'certificate');
  if (pem === undefined) {
    // A managed one has no content before it is issued, and then nothing ends.
    const end = dateAt(certificate, 'expireTime');
    const items: readonly Item[] =
      end === undefined
        ? []
        : [
            {
              kind: 'described',
              place: { key: 'certificate' },
              names: textsAt(certificate, 'subjectAlternativeNames'),
              notAfter: end,
              ...attributes,
            },
          ];
    return { location, items, problems: [] };
  }
  const { items, problems } = await readChain(look.context, { certificate: pem }, attributes);
  return { location, items, problems };
}

function renewalOf(certificate: Fields): NonNullable<Item['renewal']> {
  if (textAt(certificate, 'type') !== 'MANAGED') return { mode: 'manual' };
  const status = textAt(certificate, 'managed', 'status');
  const domains = Object.entries(fieldsAt(certificate, 'managed', 'domainStatus')).filter(([, domain]) =>
    isFailure(domain),
  );
  if (!isFailure(status) && domains.length === 0) return { mode: 'automatic' };
  const which = domains.map(([name, domain]) => `${name}: ${String(domain)}`).join(', ');
  return { mode: 'automatic', stuck: `Google says ${status ?? 'ACTIVE'}${which === '' ? '' : ` (${which})`}` };
}

/** `RENEWAL_FAILED`, `FAILED_NOT_VISIBLE`; a state that is new says nothing (https://cloud.google.com/load-balancing/docs/ssl-certificates/google-managed-certs). */
function isFailure(status: unknown): boolean {
  return typeof status === 'string' && status.includes('FAILED');
}
