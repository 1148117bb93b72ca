import type { DescribeTrustStoreRevocation, TrustStore } from '@aws-sdk/client-elastic-load-balancing-v2';

import { download } from '../../src/cloud/download.ts';
import { readRevocationList, readTrustStore, type Held } from '../../src/cloud/held.ts';
import { attempt, listCut, problemOf, unchanged, versionOf } from '../../src/cloud/observation.ts';
import { readAll } from '../../src/cloud/paging.ts';
import { CollectError } from '../../src/plugin/error.ts';
import type { Reference } from '../../src/plugin/item.ts';
import type { Observation } from '../../src/plugin/observation.ts';
import type { Listening } from './listeners.ts';
import { type Elb, type LabelsByArn, PAGE_SIZE } from './parts.ts';

/** 25 CA certificates of 16 KB (https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-limits.html). */
const MAX_BUNDLE_BYTES = 4 * 1024 * 1024;
/** ELB takes lists of up to 50 MB. */
const MAX_LIST_BYTES = 64 * 1024 * 1024;

/** A trust store with its CA certificates, then each of its revocation lists at a location of its own. */
export async function* observeTrustStore(
  parts: Elb,
  store: TrustStore,
  listening: readonly Listening[],
  labels: LabelsByArn,
): AsyncGenerator<Observation, void, undefined> {
  const { TrustStoreArn: arn } = store;
  if (arn === undefined) return;
  const { look } = parts;
  const users = listening.filter(({ trustStore }) => trustStore === arn);
  // A store may be shared with other accounts, whose listeners nobody lists here.
  const associated = await associationsOf(parts, arn);
  const usedBy: readonly Reference[] = [
    ...[...new Set([...users.map((user) => user.arn), ...associated])].map((id): Reference => ({ type: 'aws', id })),
    ...[...new Set(users.flatMap(({ endpoints }) => endpoints))].map((id): Reference => ({ type: 'endpoint', id })),
  ];
  const used = usedBy.length === 0 ? {} : { usedBy };
  const bundle = await attempt(readBundle(parts, arn, used));
  const own = labels.get(arn) ?? {};
  yield bundle instanceof CollectError
    ? { location: arn, items: [], problems: [problemOf('bundle', bundle)], ...own }
    : { location: arn, ...bundle, ...own };

  const call = { action: 'elasticloadbalancing:DescribeTrustStoreRevocations', of: arn };
  const lists = await readAll(
    look.pages(call, async (Marker, options) => {
      const command = new parts.elb.DescribeTrustStoreRevocationsCommand({
        TrustStoreArn: arn,
        Marker,
        PageSize: PAGE_SIZE,
      });
      const answer = await parts.client.send(command, options);
      return { items: answer.TrustStoreRevocations, next: answer.NextMarker };
    }),
    (error) => parts.gaps.push(listCut('DescribeTrustStoreRevocations', error)),
  );
  for (const list of lists) {
    const observation = await observeList(parts, arn, list, used);
    if (observation !== undefined) yield { ...observation, ...own };
  }
}

async function associationsOf({ look, elb, client, gaps }: Elb, TrustStoreArn: string): Promise<readonly string[]> {
  const call = { action: 'elasticloadbalancing:DescribeTrustStoreAssociations', of: TrustStoreArn };
  const found = await readAll(
    look.pages(call, async (Marker, options) => {
      const command = new elb.DescribeTrustStoreAssociationsCommand({ TrustStoreArn, Marker, PageSize: PAGE_SIZE });
      const answer = await client.send(command, options);
      return { items: answer.TrustStoreAssociations, next: answer.NextMarker };
    }),
    (error) => gaps.push(listCut('DescribeTrustStoreAssociations', error)),
  );
  return found.flatMap(({ ResourceArn: arn }) => (arn === undefined ? [] : [arn]));
}

async function readBundle(
  { look, elb, client }: Elb,
  TrustStoreArn: string,
  used: { readonly usedBy?: readonly Reference[] },
): Promise<Held> {
  const call = { action: 'elasticloadbalancing:GetTrustStoreCaCertificatesBundle', of: TrustStoreArn };
  const command = new elb.GetTrustStoreCaCertificatesBundleCommand({ TrustStoreArn });
  const { Location: url } = await look.call(call, (options) => client.send(command, options));
  const what = `the CA certificates of ${TrustStoreArn}`;
  const bytes = await download(look.context, url, what, MAX_BUNDLE_BYTES, look.signal);
  return readTrustStore(look.context, bytes, 'bundle', { ...used, renewal: { mode: 'manual' } });
}

/** A revocation list never changes under its number, and may be long: it is downloaded once. */
async function observeList(
  { look, elb, client }: Elb,
  TrustStoreArn: string,
  { RevocationId, RevocationType }: DescribeTrustStoreRevocation,
  used: { readonly usedBy?: readonly Reference[] },
): Promise<Observation | undefined> {
  if (RevocationId === undefined) return undefined;
  const location = `${TrustStoreArn}/revocations/${RevocationId}`;
  const version = versionOf(String(RevocationType), used);
  if (look.known.version(location) === version) return unchanged(location, version);
  const call = { action: 'elasticloadbalancing:GetTrustStoreRevocationContent', of: location };
  const command = new elb.GetTrustStoreRevocationContentCommand({ TrustStoreArn, RevocationId });
  const held = await attempt(
    look
      .call(call, (options) => client.send(command, options))
      .then(({ Location: url }) =>
        download(look.context, url, `the revocation list ${location}`, MAX_LIST_BYTES, look.signal),
      )
      .then((bytes) =>
        readRevocationList(look.context, bytes, 'revocations', { ...used, renewal: { mode: 'manual' } }),
      ),
  );
  if (held instanceof CollectError) return { location, items: [], problems: [problemOf('revocations', held)] };
  return { location, ...held, ...(held.problems.length === 0 ? { version } : {}) };
}
