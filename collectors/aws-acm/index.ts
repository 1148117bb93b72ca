import type { ACMClient, CertificateDetail, CertificateSummary } from '@aws-sdk/client-acm';
import { z } from 'zod';

import { awsError } from '../../src/cloud/aws-errors.ts';
import { withDeadline } from '../../src/cloud/deadline.ts';
import {
  attempt,
  detailsCut,
  endsLook,
  gone,
  isVersionOf,
  listCut,
  problemOf,
  unchanged,
  versionOf,
} from '../../src/cloud/observation.ts';
import { readPages } from '../../src/cloud/paging.ts';
import { isNearItsEnd } from '../../src/cloud/renewal-window.ts';
import { type CollectorInstance, defineCollector, type Known } from '../../src/plugin/collector.ts';
import type { Context } from '../../src/plugin/context.ts';
import { CollectError } from '../../src/plugin/error.ts';
import type { Item } from '../../src/plugin/item.ts';
import type { Observation, Problem } from '../../src/plugin/observation.ts';
import { describeCertificate, describeUse, identify, wasIssued } from './description.ts';
import { readCertificate } from './pem.ts';

/** Half of what ACM grants to a whole account for DescribeCertificate and GetCertificate: others live there too. */
const RATE = { perSecond: 5, concurrency: 4 };
/** The most that ACM gives in one page. */
const PAGE_SIZE = 1000;
const MAX_PAGES = 100;

const REGION = /^[a-z]{2,}(?:-[a-z]+)+-\d+$/;

const options = z.strictObject({
  regions: z
    .array(z.string().regex(REGION, 'a region, e.g. eu-west-1'))
    .min(1)
    .refine((regions) => new Set(regions).size === regions.length, 'a region is named twice')
    .describe('Regions to look at, e.g. [eu-west-1, us-east-1]. CloudFront uses the certificates of us-east-1.'),
  profile: z
    .string()
    .min(1)
    .optional()
    .describe(
      'Profile of the AWS config files whose credentials are used; it may assume a role (role_arn, external_id) in another account. Default: AWS_PROFILE, else the usual chain: environment, web identity, container, instance.',
    ),
  endpoint: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe(
      'Where ACM answers instead of at its public address: a VPC endpoint, an emulator. AWS_ENDPOINT_URL and AWS_ENDPOINT_URL_ACM work too.',
    ),
});

type AcmModule = typeof import('@aws-sdk/client-acm');

export const awsAcm = defineCollector({
  type: 'aws-acm',
  summary: 'Certificates in AWS Certificate Manager, with what uses them and whether their renewal is stuck',
  options,
  scope: () => 'cluster',
  async create(given, context) {
    const acm = await import('@aws-sdk/client-acm');
    const clients = new Map(
      given.regions.map((region) => [
        region,
        new acm.ACMClient({
          region,
          // Trying again is the host's work.
          maxAttempts: 1,
          ...(given.endpoint === undefined ? {} : { endpoint: given.endpoint }),
          ...(given.profile === undefined ? {} : { profile: given.profile }),
        }),
      ]),
    );
    return createInstance(acm, clients, context);
  },
});

function createInstance(acm: AcmModule, clients: ReadonlyMap<string, ACMClient>, context: Context): CollectorInstance {
  return {
    async *discover() {
      for (const region of clients.keys()) yield { key: region, data: { region } };
    },
    async *observe(target, known, signal) {
      const client = clients.get(target.key);
      if (client === undefined) {
        throw new CollectError('not_found', `the region ${target.key} is not among the regions of this source`);
      }
      yield* observeRegion({ acm, client, region: target.key, context, known, signal });
    },
    async close() {
      for (const client of clients.values()) client.destroy();
    },
  };
}

interface Look {
  readonly acm: AcmModule;
  readonly client: ACMClient;
  readonly region: string;
  readonly context: Context;
  readonly known: Known;
  readonly signal: AbortSignal;
}

async function* observeRegion(look: Look): AsyncGenerator<Observation, void, undefined> {
  const here = `acm:${look.region}`;
  /** Set once asking on makes no sense: from then on the list is all that is asked for. */
  let stopped: CollectError | undefined;
  for await (const part of readPages(`acm:ListCertificates in ${look.region}`, MAX_PAGES, listPages(look))) {
    if (part.kind === 'cut') {
      yield listCut(here, 'ListCertificates', part.error);
      continue;
    }
    for (const summary of part.items) {
      if (summary.CertificateArn === undefined || !wasIssued(summary)) continue;
      const { given, error } = await observeCertificate(look, summary.CertificateArn, summary, stopped);
      if (error !== undefined && endsLook(error)) stopped = error;
      yield given;
    }
  }
  if (stopped !== undefined) yield detailsCut(here, 'DescribeCertificate', stopped);
}

/** Reads one page at each call. Both filters are explicit: without them ACM leaves out all but RSA up to 2048, and ACME. */
function listPages(look: Look): () => Promise<readonly CertificateSummary[] | undefined> {
  const { KeyAlgorithm, CertificateKeyPairOrigin, ListCertificatesCommand } = look.acm;
  let token: string | undefined;
  let ended = false;
  return async () => {
    if (ended) return undefined;
    const command = new ListCertificatesCommand({
      Includes: { keyTypes: Object.values(KeyAlgorithm) },
      CertificateKeyPairOrigins: Object.values(CertificateKeyPairOrigin),
      MaxItems: PAGE_SIZE,
      NextToken: token,
    });
    const page = await call(look, 'ListCertificates', (abortSignal) => look.client.send(command, { abortSignal }));
    if (page.NextToken !== undefined && page.NextToken === token) {
      throw new CollectError('service_error', `acm:ListCertificates in ${look.region} gave the same page twice`);
    }
    token = page.NextToken;
    ended = token === undefined || token === '';
    return page.CertificateSummaryList ?? [];
  };
}

/** One call to ACM, within the rate, the deadline and the signal. Throws CollectError, or the signal's reason. */
async function call<T>(look: Look, operation: string, send: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const { region, context, signal } = look;
  const action = `acm:${operation}`;
  try {
    return await context
      .limit(`aws:acm:${region}`, RATE)
      .run(() => withDeadline(`${action} in ${region}`, signal, send), signal);
  } catch (error) {
    signal.throwIfAborted();
    throw awsError(error, { action, on: region }, context.clock.now());
  }
}

interface Given {
  readonly given: Observation;
  /** Why a part of the certificate could not be had. */
  readonly error?: CollectError;
}

/**
 * Far from its end an unchanged certificate costs no call at all, near its end DescribeCertificate, and GetCertificate is
 * called for a new or renewed one alone.
 */
async function observeCertificate(
  look: Look,
  arn: string,
  summary: CertificateSummary,
  stopped: CollectError | undefined,
): Promise<Given> {
  const identity = identify(summary);
  const last = look.known.version(arn);
  const isKnown = isVersionOf(identity, last);
  if (isKnown && !isNearItsEnd(summary.NotAfter, look.context.clock.now())) return { given: unchanged(arn, last) };

  const problems: Problem[] = [];
  const detail = stopped ?? (await attempt(describe(look, arn)));
  if (detail instanceof CollectError) {
    if (detail.reason === 'not_found') return { given: gone(arn) };
    if (endsLook(detail)) {
      const given = isKnown ? unchanged(arn, last) : described(arn, summary, undefined, [problemOf('chain', detail)]);
      return { given, error: detail };
    }
    problems.push(problemOf('details', detail));
  }
  const known = detail instanceof CollectError ? undefined : detail;
  const use = describeUse(summary, known);
  const version = versionOf(identity, use);
  if (known !== undefined && version === last) return { given: unchanged(arn, version) };

  const body = await attempt(get(look, arn));
  if (body instanceof CollectError) {
    if (body.reason === 'not_found') return { given: gone(arn) };
    return { given: described(arn, summary, known, [...problems, problemOf('chain', body)]), error: body };
  }
  const read = readCertificate(body.certificate, body.chain, use);
  problems.push(...read.problems);
  if (!read.hasLeaf) return { given: described(arn, summary, known, problems, read.items) };
  // A look with a hole in it is repeated in full the next time.
  return { given: { location: arn, ...(problems.length > 0 ? {} : { version }), items: read.items, problems } };
}

async function describe(look: Look, arn: string): Promise<CertificateDetail> {
  const command = new look.acm.DescribeCertificateCommand({ CertificateArn: arn });
  const answer = await call(look, 'DescribeCertificate', (abortSignal) => look.client.send(command, { abortSignal }));
  return answer.Certificate ?? {};
}

async function get(look: Look, arn: string): Promise<{ readonly certificate: string; readonly chain: string }> {
  const command = new look.acm.GetCertificateCommand({ CertificateArn: arn });
  const answer = await call(look, 'GetCertificate', (abortSignal) => look.client.send(command, { abortSignal }));
  return { certificate: answer.Certificate ?? '', chain: answer.CertificateChain ?? '' };
}

function described(
  location: string,
  summary: CertificateSummary,
  detail: CertificateDetail | undefined,
  problems: readonly Problem[],
  others: readonly Item[] = [],
): Observation {
  return { location, items: [describeCertificate(summary, detail), ...others], problems };
}
