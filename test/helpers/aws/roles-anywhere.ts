import { awsFault, awsJson, type FakeAws } from '../fake-aws.ts';
import { pageOf } from './page.ts';

const PREFIX = 'arn:aws:rolesanywhere:eu-west-1:111122223333';
export const anchorArn = (id: string): string => `${PREFIX}:trust-anchor/${id}`;
export const crlArn = (id: string): string => `${PREFIX}:crl/${id}`;
export const subjectArn = (id: string): string => `${PREFIX}:subject/${id}`;

export interface FakeRolesAnywhere {
  anchors: { id: string; enabled?: boolean; pem?: string; pca?: string; type?: string }[];
  crls: { id: string; anchor: string; enabled?: boolean; data: Uint8Array | string }[];
  subjects: {
    id: string;
    enabled?: boolean;
    seenAt?: Date;
    credentials: { serial: string; pem: string; seenAt?: Date; enabled?: boolean }[];
  }[];
}

export function serveRolesAnywhere(aws: FakeAws): FakeRolesAnywhere {
  const roles: FakeRolesAnywhere = { anchors: [], crls: [], subjects: [] };
  aws.services.set('rolesanywhere', ({ operation, query }) => {
    const page = <T>(all: readonly T[]) => pageOf(all, query.get('nextToken'), aws.pageSize);
    if (operation === 'GET /trustanchors') {
      const { items, next } = page(roles.anchors);
      return awsJson({
        trustAnchors: items.map(({ id, enabled = true, pem, pca, type }) => ({
          trustAnchorId: id,
          trustAnchorArn: anchorArn(id),
          name: id,
          enabled,
          source: {
            sourceType: type ?? (pem === undefined ? 'AWS_ACM_PCA' : 'CERTIFICATE_BUNDLE'),
            ...(pem === undefined && pca === undefined
              ? {}
              : { sourceData: pem === undefined ? { acmPcaArn: pca } : { x509CertificateData: pem } }),
          },
        })),
        nextToken: next,
      });
    }
    if (operation === 'GET /crls') {
      const { items, next } = page(roles.crls);
      return awsJson({
        crls: items.map(({ id, anchor, enabled = true, data }) => ({
          crlId: id,
          crlArn: crlArn(id),
          name: id,
          enabled,
          trustAnchorArn: anchorArn(anchor),
          crlData: Buffer.from(data).toString('base64'),
        })),
        nextToken: next,
      });
    }
    if (operation === 'GET /subjects') {
      const { items, next } = page(roles.subjects);
      return awsJson({ subjects: items.map((subject) => summaryOf(subject)), nextToken: next });
    }
    const id = /^GET \/subject\/([^/]+)$/.exec(operation)?.[1];
    const subject = roles.subjects.find((one) => one.id === id);
    if (subject === undefined) return awsFault(404, 'ResourceNotFoundException', operation);
    return awsJson({
      subject: {
        ...summaryOf(subject),
        credentials: subject.credentials.map(({ serial, pem, seenAt, enabled = true }) => ({
          serialNumber: serial,
          x509CertificateData: pem,
          enabled,
          seenAt: seenAt?.toISOString(),
        })),
      },
    });
  });
  return roles;
}

function summaryOf({ id, enabled = true, seenAt }: FakeRolesAnywhere['subjects'][number]): object {
  return { subjectId: id, subjectArn: subjectArn(id), enabled, lastSeenAt: seenAt?.toISOString() };
}
