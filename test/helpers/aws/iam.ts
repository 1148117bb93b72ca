import { awsXml, awsXmlFault, type AwsReply, type AwsRequest, type FakeAws } from '../fake-aws.ts';
import { pageOf } from './page.ts';
import { xmlOf } from './xml.ts';

/** What an IAM holds. */
export interface FakeIam {
  serverCertificates: {
    name: string;
    id?: string;
    body: string;
    chain?: string;
    expires?: Date;
    tags?: Readonly<Record<string, string>>;
  }[];
  users: { name: string; certificates: { id: string; body: string; status?: 'Active' | 'Inactive' }[] }[];
}

export function serverCertificateArn(name: string): string {
  return `arn:aws:iam::111122223333:server-certificate/${name}`;
}

export function userArn(name: string): string {
  return `arn:aws:iam::111122223333:user/${name}`;
}

export function serveIam(aws: FakeAws): FakeIam {
  const iam: FakeIam = { serverCertificates: [], users: [] };
  aws.services.set('iam', (request) => answer(iam, request, aws.pageSize));
  return iam;
}

function answer(iam: FakeIam, { operation, form }: AwsRequest, pageSize: number): AwsReply {
  const listed = (name: string, all: readonly unknown[]): AwsReply => {
    const { items, next } = pageOf(all, form.get('Marker'), pageSize);
    return awsXml(operation, xmlOf({ [name]: items, IsTruncated: next !== undefined, Marker: next }));
  };
  switch (operation) {
    case 'ListServerCertificates':
      return listed('ServerCertificateMetadataList', iam.serverCertificates.map(metadataOf));
    case 'GetServerCertificate': {
      const found = iam.serverCertificates.find(({ name }) => name === form.get('ServerCertificateName'));
      if (found === undefined) return awsXmlFault(404, 'NoSuchEntity', 'It cannot be found.');
      const { body: CertificateBody, chain: CertificateChain, tags = {} } = found;
      const Tags = Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
      return awsXml(
        operation,
        xmlOf({
          ServerCertificate: { ServerCertificateMetadata: metadataOf(found), CertificateBody, CertificateChain, Tags },
        }),
      );
    }
    case 'ListUsers':
      return listed(
        'Users',
        iam.users.map(({ name }) => ({
          Path: '/',
          UserName: name,
          UserId: `AIDA${name}`,
          Arn: userArn(name),
          CreateDate: new Date(0),
        })),
      );
    case 'ListSigningCertificates': {
      const user = iam.users.find(({ name }) => name === form.get('UserName'));
      if (user === undefined) return awsXmlFault(404, 'NoSuchEntity', 'The user cannot be found.');
      return listed(
        'Certificates',
        user.certificates.map(({ id, body, status = 'Active' }) => ({
          UserName: user.name,
          CertificateId: id,
          CertificateBody: body,
          Status: status,
        })),
      );
    }
    default:
      return awsXmlFault(400, 'InvalidAction', operation);
  }
}

function metadataOf({ name, id = `ASCA${name}`, expires }: FakeIam['serverCertificates'][number]): object {
  return {
    Path: '/',
    ServerCertificateName: name,
    ServerCertificateId: id,
    Arn: serverCertificateArn(name),
    Expiration: expires,
  };
}
