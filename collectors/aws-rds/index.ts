import type { Certificate, DBCluster, DBInstance, RDSClient } from '@aws-sdk/client-rds';
import { z } from 'zod';

import { type AwsLook, openAws } from '../../src/cloud/aws.ts';
import { createAwsInstance } from '../../src/cloud/aws-instance.ts';
import { regionalOptions } from '../../src/cloud/aws-options.ts';
import { detailsCut, listCut, missingFrom } from '../../src/cloud/observation.ts';
import { readAll } from '../../src/cloud/paging.ts';
import { tagLabels } from '../../src/cloud/tags.ts';
import { defineCollector } from '../../src/plugin/collector.ts';
import type { Item, Reference } from '../../src/plugin/item.ts';
import type { Observation, Problem } from '../../src/plugin/observation.ts';

/** The most that RDS gives in one page. */
const PAGE_SIZE = 100;

type RdsModule = typeof import('@aws-sdk/client-rds');

export const awsRds = defineCollector({
  type: 'aws-rds',
  summary: 'AWS RDS: the server certificates of databases, and the CAs that clients have to trust',
  options: z.strictObject(regionalOptions),
  scope: () => 'cluster',
  async create(given, context) {
    const [rds, aws] = await Promise.all([import('@aws-sdk/client-rds'), openAws(given, 'rds', context)]);
    return createAwsInstance('rds', aws, [
      {
        name: 'instances',
        actions: ['rds:DescribeDBInstances', 'rds:DescribeCertificates'],
        observe: (look) => observeInstances(look, rds),
      },
      {
        name: 'clusters',
        actions: ['rds:DescribeDBClusters', 'rds:DescribeCertificates'],
        observe: (look) => observeClusters(look, rds),
      },
    ]);
  },
});

async function* observeInstances(look: AwsLook, rds: RdsModule): AsyncGenerator<Observation, void, undefined> {
  const client = look.client(rds.RDSClient);
  const gaps: Problem[] = [];
  const authorities = createAuthorities(look, rds, client, gaps);
  const pages = look.pages({ action: 'rds:DescribeDBInstances' }, async (Marker, options) => {
    const page = await client.send(new rds.DescribeDBInstancesCommand({ Marker, MaxRecords: PAGE_SIZE }), options);
    return { items: page.DBInstances, next: page.Marker };
  });
  for await (const page of pages) {
    if (page.kind === 'cut') gaps.push(listCut('DescribeDBInstances', page.error));
    else for (const instance of page.items) yield* observeInstance(look, instance, authorities);
  }
  yield* missingFrom(look.here, gaps);
}

async function* observeInstance(
  look: AwsLook,
  instance: DBInstance,
  authorities: Authorities,
): AsyncGenerator<Observation, void, undefined> {
  const { DBInstanceArn: location, CACertificateIdentifier, CertificateDetails, Endpoint, TagList } = instance;
  if (location === undefined) return;
  yield* observeDatabase(look, location, authorities, {
    authority: CertificateDetails?.CAIdentifier ?? CACertificateIdentifier,
    until: CertificateDetails?.ValidTill,
    host: Endpoint?.Address,
    port: Endpoint?.Port,
    tags: TagList,
  });
}

/** Clusters whose nodes RDS manages itself have a certificate of their own; those of Aurora have it at their instances. */
async function* observeClusters(look: AwsLook, rds: RdsModule): AsyncGenerator<Observation, void, undefined> {
  const client = look.client(rds.RDSClient);
  const gaps: Problem[] = [];
  const authorities = createAuthorities(look, rds, client, gaps);
  const pages = look.pages({ action: 'rds:DescribeDBClusters' }, async (Marker, options) => {
    const page = await client.send(new rds.DescribeDBClustersCommand({ Marker, MaxRecords: PAGE_SIZE }), options);
    return { items: page.DBClusters, next: page.Marker };
  });
  for await (const page of pages) {
    if (page.kind === 'cut') gaps.push(listCut('DescribeDBClusters', page.error));
    else for (const cluster of page.items) yield* observeCluster(look, cluster, authorities);
  }
  yield* missingFrom(look.here, gaps);
}

async function* observeCluster(
  look: AwsLook,
  { DBClusterArn: location, CertificateDetails, Endpoint, Port, TagList }: DBCluster,
  authorities: Authorities,
): AsyncGenerator<Observation, void, undefined> {
  if (location === undefined || CertificateDetails === undefined) return;
  yield* observeDatabase(look, location, authorities, {
    authority: CertificateDetails.CAIdentifier,
    until: CertificateDetails.ValidTill,
    host: Endpoint,
    port: Port,
    tags: TagList,
  });
}

interface Database {
  readonly authority: string | undefined;
  readonly until: Date | undefined;
  readonly host: string | undefined;
  readonly port: number | undefined;
  readonly tags: DBInstance['TagList'];
}

async function* observeDatabase(
  look: AwsLook,
  location: string,
  authorities: Authorities,
  { authority, until, host, port, tags }: Database,
): AsyncGenerator<Observation, void, undefined> {
  const usedBy: readonly Reference[] = host === undefined ? [] : [{ type: 'endpoint', id: `${host}:${port ?? 5432}` }];
  const used = usedBy.length === 0 ? {} : { usedBy };
  const server: Item = {
    kind: 'described',
    place: { key: 'certificate' },
    role: 'server',
    names: host === undefined ? [] : [host],
    notAfter: until ?? 'unknown',
    // RDS renews it under the same CA, on engines that need it with a restart in the maintenance window.
    renewal: { mode: 'automatic' },
    ...used,
  };
  const above = authority === undefined ? undefined : (await authorities.all()).get(authority);
  const items = [
    ...(until === undefined ? [] : [server]),
    ...(above === undefined ? [] : [authorityItem(above, used)]),
  ];
  // A database that is being made has neither yet.
  yield { location, items, problems: [], ...tagLabels(look.tags, tags ?? []) };
}

/** The CA is one and the same for all databases under it: its thumbprint says so. Changing it is for a person to do. */
function authorityItem(
  { CertificateIdentifier: name = '', Thumbprint: sha1, ValidFrom, ValidTill }: Certificate,
  used: { readonly usedBy?: readonly Reference[] },
): Item {
  return {
    kind: 'described',
    place: { key: 'authority' },
    role: 'issuer',
    names: [name],
    ...(sha1 === undefined ? {} : { sha1: sha1.replaceAll(':', '').toLowerCase() }),
    ...(ValidFrom === undefined ? {} : { notBefore: ValidFrom }),
    notAfter: ValidTill ?? 'unknown',
    renewal: { mode: 'manual' },
    ...used,
  };
}

/** The CAs of RDS by their names, asked for once, and only where there is a database. */
interface Authorities {
  all(): Promise<ReadonlyMap<string, Certificate>>;
}

function createAuthorities(look: AwsLook, rds: RdsModule, client: RDSClient, gaps: Problem[]): Authorities {
  let listed: Promise<ReadonlyMap<string, Certificate>> | undefined;
  async function list(): Promise<ReadonlyMap<string, Certificate>> {
    const all = await readAll(
      look.pages({ action: 'rds:DescribeCertificates' }, async (Marker, options) => {
        const page = await client.send(new rds.DescribeCertificatesCommand({ Marker, MaxRecords: PAGE_SIZE }), options);
        return { items: page.Certificates, next: page.Marker };
      }),
      (error) => gaps.push(detailsCut('DescribeCertificates', error)),
    );
    return new Map(all.map((one): readonly [string, Certificate] => [one.CertificateIdentifier ?? '', one]));
  }
  return { all: () => (listed ??= list()) };
}
