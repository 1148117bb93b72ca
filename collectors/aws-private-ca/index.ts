import type { ACMPCAClient, CertificateAuthority } from '@aws-sdk/client-acm-pca';
import { z } from 'zod';

import { type AwsLook, openAws } from '../../src/cloud/aws.ts';
import { AUTHORITY_ACTION, authorityText } from '../../src/cloud/aws-authority.ts';
import { createAwsInstance } from '../../src/cloud/aws-instance.ts';
import { regionalOptions } from '../../src/cloud/aws-options.ts';
import { readChain } from '../../src/cloud/held.ts';
import { attempt, listCut, missingFrom, problemOf } from '../../src/cloud/observation.ts';
import { readAll } from '../../src/cloud/paging.ts';
import { tagLabels } from '../../src/cloud/tags.ts';
import { defineCollector } from '../../src/plugin/collector.ts';
import { CollectError } from '../../src/plugin/error.ts';
import type { Observation, Problem } from '../../src/plugin/observation.ts';

const ACTIONS = ['acm-pca:ListCertificateAuthorities', AUTHORITY_ACTION];
const TAGS = 'acm-pca:ListTags';

/** The most that AWS Private CA gives in one page. */
const PAGE_SIZE = 1000;

/** Without a certificate, or about to be no more: there is nothing of it that could end. */
const WITHOUT_CERTIFICATE: ReadonlySet<string | undefined> = new Set([
  'CREATING',
  'PENDING_CERTIFICATE',
  'FAILED',
  'DELETED',
]);

type PcaModule = typeof import('@aws-sdk/client-acm-pca');

export const awsPrivateCa = defineCollector({
  type: 'aws-private-ca',
  summary: 'The CA certificates of AWS Private CA, own ones and those that other accounts share',
  options: z.strictObject(regionalOptions),
  scope: () => 'cluster',
  async create(given, context) {
    const [pca, aws] = await Promise.all([import('@aws-sdk/client-acm-pca'), openAws(given, 'acm-pca', context)]);
    return createAwsInstance('acm-pca', aws, [
      {
        name: '',
        actions: given.tags.length === 0 ? ACTIONS : [...ACTIONS, TAGS],
        observe: (look) => observeAuthorities(look, pca),
      },
    ]);
  },
});

/** Those of the account first; what others share is a list of its own. */
async function* observeAuthorities(look: AwsLook, pca: PcaModule): AsyncGenerator<Observation, void, undefined> {
  const client: ACMPCAClient = look.client(pca.ACMPCAClient);
  const gaps: Problem[] = [];
  for await (const page of list(look, pca, client, 'SELF')) {
    if (page.kind === 'cut') {
      gaps.push(listCut('ListCertificateAuthorities', page.error));
      continue;
    }
    for (const authority of page.items) yield* observeAuthority(look, pca, client, authority);
  }
  const shared = await readAll(list(look, pca, client, 'OTHER_ACCOUNTS'), (error) =>
    gaps.push(listCut('ListCertificateAuthorities of other accounts', error)),
  );
  for (const authority of shared) yield* observeAuthority(look, pca, client, authority);
  yield* missingFrom(look.here, gaps);
}

function list(look: AwsLook, pca: PcaModule, client: ACMPCAClient, owner: 'SELF' | 'OTHER_ACCOUNTS') {
  const call = {
    action: 'acm-pca:ListCertificateAuthorities',
    ...(owner === 'SELF' ? {} : { call: 'acm-pca:ListCertificateAuthorities of other accounts' }),
  };
  return look.pages(call, async (token, options) => {
    const command = new pca.ListCertificateAuthoritiesCommand({
      ResourceOwner: owner,
      MaxResults: PAGE_SIZE,
      ...(token === undefined ? {} : { NextToken: token }),
    });
    const page = await client.send(command, options);
    return { items: page.CertificateAuthorities, next: page.NextToken };
  });
}

async function* observeAuthority(
  look: AwsLook,
  pca: PcaModule,
  client: ACMPCAClient,
  authority: CertificateAuthority,
): AsyncGenerator<Observation, void, undefined> {
  const { Arn: arn, Status, NotBefore, NotAfter, Serial } = authority;
  if (arn === undefined || WITHOUT_CERTIFICATE.has(Status)) return;
  const attributes = { role: 'issuer', renewal: { mode: 'manual' } } as const;
  const problems: Problem[] = [];
  const labels = await labelsOf(look, pca, client, authority, problems);
  const text = await attempt(authorityText(look, arn));
  const held =
    text instanceof CollectError
      ? { items: [], problems: [problemOf('chain', text)] }
      : await readChain(look.context, text, attributes);
  const known = 'leaf' in held && held.leaf !== undefined;
  const serial = Serial?.replaceAll(':', '').toUpperCase();
  yield {
    location: arn,
    items: known
      ? held.items
      : [
          {
            kind: 'described',
            place: { key: 'certificate' },
            ...(serial === undefined ? {} : { serial }),
            ...(NotBefore === undefined ? {} : { notBefore: NotBefore }),
            notAfter: NotAfter ?? 'unknown',
            ...attributes,
          },
          ...held.items,
        ],
    problems: [...problems, ...held.problems],
    ...labels,
  };
}

async function labelsOf(
  look: AwsLook,
  pca: PcaModule,
  client: ACMPCAClient,
  { Arn: arn, Status }: CertificateAuthority,
  problems: Problem[],
): Promise<Pick<Observation, 'labels'>> {
  // It issues nothing while it is switched off; what it issued lives on.
  const state: Readonly<Record<string, string>> = Status === 'DISABLED' ? { enabled: 'false' } : {};
  if (look.tags.length === 0) return Object.keys(state).length === 0 ? {} : { labels: state };
  const command = new pca.ListTagsCommand({ CertificateAuthorityArn: arn });
  const answer = await attempt(look.call({ action: TAGS, of: arn ?? '' }, (options) => client.send(command, options)));
  if (answer instanceof CollectError) problems.push(problemOf('tags', answer));
  const tags = answer instanceof CollectError ? {} : tagLabels(look.tags, answer.Tags ?? []).labels;
  const labels = { ...tags, ...state };
  return Object.keys(labels).length === 0 ? {} : { labels };
}
