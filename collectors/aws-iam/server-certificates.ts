import type { IAMClient, ServerCertificateMetadata } from '@aws-sdk/client-iam';

import type { AwsLook } from '../../src/cloud/aws.ts';
import { readChain } from '../../src/cloud/held.ts';
import {
  attempt,
  detailsCut,
  endsLook,
  gone,
  listCut,
  missingFrom,
  problemOf,
  unchanged,
  versionOf,
} from '../../src/cloud/observation.ts';
import { tagLabels } from '../../src/cloud/tags.ts';
import { CollectError } from '../../src/plugin/error.ts';
import type { Observation, Problem } from '../../src/plugin/observation.ts';

type IamModule = typeof import('@aws-sdk/client-iam');

/** The most that IAM gives in one page. */
const PAGE_SIZE = 1000;

/** Server certificates; each is replaced by uploading another under another name, so nothing of one ever changes. */
export async function* observeServerCertificates(
  look: AwsLook,
  iam: IamModule,
): AsyncGenerator<Observation, void, undefined> {
  const client = look.client(iam.IAMClient);
  const gaps: Problem[] = [];
  /** Set once asking on makes no sense: from then on the list is all that is asked for. */
  let stopped: CollectError | undefined;
  const pages = look.pages({ action: 'iam:ListServerCertificates' }, async (Marker, options) => {
    const command = new iam.ListServerCertificatesCommand({ Marker, MaxItems: PAGE_SIZE });
    const page = await client.send(command, options);
    return { items: page.ServerCertificateMetadataList, next: page.IsTruncated === true ? page.Marker : undefined };
  });
  for await (const page of pages) {
    if (page.kind === 'cut') {
      gaps.push(listCut('ListServerCertificates', page.error));
      continue;
    }
    for (const metadata of page.items) {
      const given = await observeCertificate(look, iam, client, metadata, stopped);
      if (given.failure !== undefined && endsLook(given.failure)) stopped = given.failure;
      if (given.observation !== undefined) yield given.observation;
    }
  }
  if (stopped !== undefined) gaps.push(detailsCut('GetServerCertificate', stopped));
  yield* missingFrom(look.here, gaps);
}

interface Given {
  readonly observation?: Observation;
  readonly failure?: CollectError;
}

async function observeCertificate(
  look: AwsLook,
  iam: IamModule,
  client: IAMClient,
  metadata: ServerCertificateMetadata,
  stopped: CollectError | undefined,
): Promise<Given> {
  const { Arn: location, ServerCertificateName, ServerCertificateId: id = '', Expiration } = metadata;
  if (location === undefined || ServerCertificateName === undefined) return {};
  const version = versionOf(id, look.tags);
  if (look.known.version(location) === version) return { observation: unchanged(location, version) };

  const command = new iam.GetServerCertificateCommand({ ServerCertificateName });
  const call = { action: 'iam:GetServerCertificate', of: location };
  const answer = stopped ?? (await attempt(look.call(call, (options) => client.send(command, options))));
  const renewal = { mode: 'manual' } as const;
  const described = {
    kind: 'described',
    place: { key: 'certificate' },
    role: 'server',
    renewal,
    notAfter: Expiration ?? 'unknown',
  } as const;
  if (answer instanceof CollectError) {
    if (answer.reason === 'not_found') return { observation: gone(location) };
    return {
      observation: { location, items: [described], problems: [problemOf('chain', answer)] },
      failure: answer,
    };
  }
  const { CertificateBody = '', CertificateChain, Tags = [] } = answer.ServerCertificate ?? {};
  const held = await readChain(
    look.context,
    { certificate: CertificateBody, chain: CertificateChain },
    { role: 'server', renewal },
  );
  const items = held.leaf === undefined ? [described, ...held.items] : held.items;
  const whole = held.problems.length === 0 ? { version } : {};
  return {
    observation: { location, ...whole, items, problems: held.problems, ...tagLabels(look.tags, Tags) },
  };
}
