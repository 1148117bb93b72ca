import { awsFault, awsJson, type FakeAws } from '../fake-aws.ts';
import { epochSeconds, pageOf } from './page.ts';

export interface FakeAuthority {
  readonly id: string;
  readonly status?: string;
  /** Shared by another account. */
  readonly isShared?: boolean;
  readonly pem?: string;
  readonly chainPem?: string;
  readonly notAfter?: Date;
  readonly serial?: string;
  readonly tags?: Readonly<Record<string, string>>;
}

export function authorityArn(id: string): string {
  return `arn:aws:acm-pca:eu-west-1:111122223333:certificate-authority/${id}`;
}

export interface FakePrivateCa {
  authorities: FakeAuthority[];
}

export function servePrivateCa(aws: FakeAws): FakePrivateCa {
  const pca: FakePrivateCa = { authorities: [] };
  aws.services.set('acm-pca', ({ operation, body }) => {
    const found = pca.authorities.find(({ id }) => authorityArn(id) === body['CertificateAuthorityArn']);
    if (operation === 'ListCertificateAuthorities') {
      const owned = pca.authorities.filter(
        ({ isShared = false }) => isShared === (body['ResourceOwner'] === 'OTHER_ACCOUNTS'),
      );
      const { items, next } = pageOf(owned, body.NextToken, aws.pageSize);
      return awsJson({
        CertificateAuthorities: items.map(({ id, status = 'ACTIVE', notAfter, serial }) => ({
          Arn: authorityArn(id),
          Status: status,
          Type: 'SUBORDINATE',
          NotAfter: epochSeconds(notAfter),
          Serial: serial,
        })),
        NextToken: next,
      });
    }
    if (found === undefined) return awsFault(400, 'ResourceNotFoundException', 'Could not find it.');
    if (operation === 'ListTags') {
      return awsJson({ Tags: Object.entries(found.tags ?? {}).map(([Key, Value]) => ({ Key, Value })) });
    }
    if (operation !== 'GetCertificateAuthorityCertificate') return awsFault(400, 'UnknownOperationException', '');
    return found.pem === undefined
      ? awsFault(400, 'InvalidStateException', 'The certificate authority is not in the correct state.')
      : awsJson({ Certificate: found.pem, CertificateChain: found.chainPem });
  });
  return pca;
}
