import type { ACMClient, CertificateDetail, CertificateSummary } from '@aws-sdk/client-acm';
import { z } from 'zod';

import { type AwsCall, type AwsLook, openAws } from '../../src/cloud/aws.ts';
import { type AwsPart, createAwsInstance } from '../../src/cloud/aws-instance.ts';
import { regionalOptions } from '../../src/cloud/aws-options.ts';
import { readChain } from '../../src/cloud/held.ts';
import {
  attempt,
  detailsCut,
  endsLook,
  gone,
  isVersionOf,
  listCut,
  missingFrom,
  outOfTime,
  problemOf,
  unchanged,
  versionOf,
} from '../../src/cloud/observation.ts';
import type { Listed } from '../../src/cloud/paging.ts';
import { isNearItsEnd } from '../../src/cloud/renewal-window.ts';
import { tagLabels } from '../../src/cloud/tags.ts';
import { defineCollector } from '../../src/plugin/collector.ts';
import { CollectError } from '../../src/plugin/error.ts';
import type { Item } from '../../src/plugin/item.ts';
import type { Observation, Problem } from '../../src/plugin/observation.ts';
import { describeCertificate, describeUse, identify, wasIssued } from './description.ts';

/** The most that ACM gives in one page. */
const PAGE_SIZE = 1000;

/** Listing has the lowest quota of all calls of ACM, once a second in some accounts (https://docs.aws.amazon.com/acm/latest/userguide/acm-limits.html). */
const LIST: AwsCall = { action: 'acm:ListCertificates', rate: { perSecond: 1, concurrency: 1 } };

type Labels = Pick<Observation, 'labels'>;
type AcmModule = typeof import('@aws-sdk/client-acm');

const ACTIONS = ['acm:ListCertificates', 'acm:DescribeCertificate', 'acm:GetCertificate', 'acm:ListTagsForCertificate'];

export const awsAcm = defineCollector({
  type: 'aws-acm',
  summary: 'Certificates in AWS Certificate Manager, with what uses them and whether their renewal is stuck',
  options: z.strictObject(regionalOptions),
  scope: () => 'cluster',
  async create(given, context) {
    const [acm, aws] = await Promise.all([import('@aws-sdk/client-acm'), openAws(given, 'acm', context)]);
    const certificates: AwsPart = {
      name: '',
      actions: given.tags.length === 0 ? ACTIONS.slice(0, -1) : ACTIONS,
      observe: (look) => observeCertificates({ look, acm, client: look.client(acm.ACMClient) }),
    };
    return createAwsInstance('acm', aws, [certificates]);
  },
});

/** ACM during one look at one region of one account. */
interface Acm {
  readonly look: AwsLook;
  readonly acm: AcmModule;
  readonly client: ACMClient;
  /** Set once tags may not be read: that is told once, and not for every certificate. */
  tagsDenied?: CollectError;
}

async function* observeCertificates(parts: Acm): AsyncGenerator<Observation, void, undefined> {
  const { look } = parts;
  /** Set once asking on makes no sense: from then on the list is all that is asked for. */
  let stopped: CollectError | undefined;
  const gaps: Problem[] = [];
  for await (const page of listCertificates(parts)) {
    if (page.kind === 'cut') {
      gaps.push(listCut('ListCertificates', page.error));
      continue;
    }
    for (const summary of page.items) {
      if (summary.CertificateArn === undefined || !wasIssued(summary)) continue;
      stopped ??= outOfTime(look.now, look.context.clock.now());
      const { given, error } = await observeCertificate(parts, summary.CertificateArn, summary, stopped);
      if (error !== undefined && endsLook(error)) stopped = error;
      yield given;
    }
  }
  if (stopped !== undefined) gaps.push(detailsCut('DescribeCertificate', stopped));
  if (parts.tagsDenied !== undefined) gaps.push(detailsCut('ListTagsForCertificate', parts.tagsDenied));
  yield* missingFrom(look.here, gaps);
}

/** Both filters are explicit: without them ACM leaves out all but RSA up to 2048, and ACME. */
function listCertificates({ look, acm, client }: Acm): AsyncGenerator<Listed<CertificateSummary>, void, undefined> {
  const { KeyAlgorithm, CertificateKeyPairOrigin, ListCertificatesCommand } = acm;
  return look.pages(LIST, async (token, options) => {
    const command = new ListCertificatesCommand({
      Includes: { keyTypes: Object.values(KeyAlgorithm) },
      CertificateKeyPairOrigins: Object.values(CertificateKeyPairOrigin),
      MaxItems: PAGE_SIZE,
      NextToken: token,
    });
    const page = await client.send(command, options);
    return { items: page.CertificateSummaryList, next: page.NextToken };
  });
}

interface Given {
  readonly given: Observation;
  /** Why a part of the certificate could not be had. */
  readonly error?: CollectError;
}

/**
 * Far from its end an unchanged certificate costs no call at all, near its end DescribeCertificate, and the others are
 * called for a new or renewed one alone.
 */
async function observeCertificate(
  parts: Acm,
  arn: string,
  summary: CertificateSummary,
  stopped: CollectError | undefined,
): Promise<Given> {
  const { look } = parts;
  const identity = identify(summary);
  const last = look.known.version(arn);
  const isKnown = isVersionOf(identity, last);
  if (isKnown && !isNearItsEnd(summary.NotAfter, look.now)) return { given: unchanged(arn, last) };

  const problems: Problem[] = [];
  const detail = stopped ?? (await attempt(describe(parts, arn)));
  if (detail instanceof CollectError) {
    if (detail.reason === 'not_found') return { given: gone(arn) };
    if (detail === stopped || endsLook(detail)) {
      if (isKnown) return { given: unchanged(arn, last), error: detail };
      // What stopped the look is told once for all of it, not here: unless a chain is known, which is not to be lost.
      const isTold = detail === stopped && last === undefined;
      const told = isTold ? [] : [problemOf('chain', detail)];
      return { given: described(arn, summary, undefined, told), error: detail };
    }
    problems.push(problemOf('details', detail));
  }
  const known = detail instanceof CollectError ? undefined : detail;
  const use = describeUse(summary, known);
  const version = versionOf(identity, use);
  if (known !== undefined && version === last) return { given: unchanged(arn, version) };

  const body = await attempt(get(parts, arn));
  if (body instanceof CollectError) {
    if (body.reason === 'not_found') return { given: gone(arn) };
    return { given: described(arn, summary, known, [...problems, problemOf('chain', body)]), error: body };
  }
  const tags = await attempt(tagsOf(parts, arn));
  const labels = tags instanceof CollectError ? {} : tags;
  if (tags instanceof CollectError) problems.push(problemOf('tags', tags));
  const read = await readChain(look.context, body, use);
  problems.push(...read.problems);
  if (read.leaf === undefined) return { given: { ...described(arn, summary, known, problems, read.items), ...labels } };
  // A look with a hole in it is repeated in full the next time.
  const whole = problems.length > 0 ? {} : { version };
  const error = tags instanceof CollectError ? { error: tags } : {};
  return { given: { location: arn, ...whole, ...labels, items: read.items, problems }, ...error };
}

async function describe({ look, acm, client }: Acm, arn: string): Promise<CertificateDetail> {
  const command = new acm.DescribeCertificateCommand({ CertificateArn: arn });
  const answer = await look.call({ action: 'acm:DescribeCertificate' }, (options) => client.send(command, options));
  return answer.Certificate ?? {};
}

async function get(
  { look, acm, client }: Acm,
  arn: string,
): Promise<{ readonly certificate: string; readonly chain: string }> {
  const command = new acm.GetCertificateCommand({ CertificateArn: arn });
  const answer = await look.call({ action: 'acm:GetCertificate' }, (options) => client.send(command, options));
  return { certificate: answer.Certificate ?? '', chain: answer.CertificateChain ?? '' };
}

/** Read with the certificate, and no sooner again: nothing tells when they change. */
async function tagsOf(parts: Acm, arn: string): Promise<Labels> {
  const { look, acm, client } = parts;
  if (look.tags.length === 0 || parts.tagsDenied !== undefined) return {};
  const command = new acm.ListTagsForCertificateCommand({ CertificateArn: arn });
  try {
    const answer = await look.call({ action: 'acm:ListTagsForCertificate' }, (options) =>
      client.send(command, options),
    );
    return tagLabels(look.tags, answer.Tags ?? []);
  } catch (error) {
    if (!(error instanceof CollectError) || error.reason !== 'permission_denied') throw error;
    parts.tagsDenied = error;
    return {};
  }
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
