import { awsXml, awsXmlFault, type FakeAws } from '../fake-aws.ts';
import { pageOf } from './page.ts';
import { xmlOf } from './xml.ts';

export const instanceArn = (id: string): string => `arn:aws:rds:eu-west-1:111122223333:db:${id}`;
export const clusterArn = (id: string): string => `arn:aws:rds:eu-west-1:111122223333:cluster:${id}`;

interface FakeDatabase {
  readonly id: string;
  readonly authority?: string;
  readonly until?: Date;
  readonly host?: string;
  readonly tags?: Readonly<Record<string, string>>;
}

export interface FakeRds {
  instances: FakeDatabase[];
  clusters: FakeDatabase[];
  authorities: { name: string; sha1: string; from: Date; until: Date }[];
}

export function serveRds(aws: FakeAws): FakeRds {
  const rds: FakeRds = { instances: [], clusters: [], authorities: [] };
  aws.services.set('rds', ({ operation, form }) => {
    const listed = (list: string, element: string, all: readonly object[]) => {
      const { items, next } = pageOf(all, form.get('Marker'), aws.pageSize);
      const content = Object.fromEntries(items.map((one, index) => [`${element} ${index}`, one]));
      return awsXml(operation, xmlOf({ [list]: content, Marker: next }));
    };
    const tagList = (tags: FakeDatabase['tags'] = {}): object =>
      Object.fromEntries(Object.entries(tags).map(([Key, Value]) => [`Tag ${Key}`, { Key, Value }]));
    const details = ({ authority, until }: FakeDatabase): object | undefined =>
      until === undefined ? undefined : { CAIdentifier: authority, ValidTill: until };
    switch (operation) {
      case 'DescribeDBInstances':
        return listed(
          'DBInstances',
          'DBInstance',
          rds.instances.map((one) => ({
            DBInstanceIdentifier: one.id,
            DBInstanceArn: instanceArn(one.id),
            CACertificateIdentifier: one.authority,
            CertificateDetails: details(one),
            Endpoint: one.host === undefined ? undefined : { Address: one.host, Port: 5432 },
            TagList: tagList(one.tags),
          })),
        );
      case 'DescribeDBClusters':
        return listed(
          'DBClusters',
          'DBCluster',
          rds.clusters.map((one) => ({
            DBClusterIdentifier: one.id,
            DBClusterArn: clusterArn(one.id),
            CertificateDetails: details(one),
            Endpoint: one.host,
            Port: 3306,
            TagList: tagList(one.tags),
          })),
        );
      case 'DescribeCertificates':
        return listed(
          'Certificates',
          'Certificate',
          rds.authorities.map(({ name, sha1, from, until }) => ({
            CertificateIdentifier: name,
            CertificateType: 'CA',
            Thumbprint: sha1,
            ValidFrom: from,
            ValidTill: until,
          })),
        );
      default:
        return awsXmlFault(400, 'InvalidAction', operation);
    }
  });
  return rds;
}
