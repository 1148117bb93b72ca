import type { AwsLook } from './aws.ts';

export const AUTHORITY_ACTION = 'acm-pca:GetCertificateAuthorityCertificate';

/** What AWS Private CA gives of a CA: its certificate, and what is above it up to the root. Throws CollectError. */
export async function authorityText(
  look: AwsLook,
  arn: string,
): Promise<{ readonly certificate: string; readonly chain: string }> {
  const { ACMPCAClient, GetCertificateAuthorityCertificateCommand } = await import('@aws-sdk/client-acm-pca');
  const client = look.client(ACMPCAClient);
  const command = new GetCertificateAuthorityCertificateCommand({ CertificateAuthorityArn: arn });
  const answer = await look.call({ action: AUTHORITY_ACTION, of: arn }, (options) => client.send(command, options));
  return { certificate: answer.Certificate ?? '', chain: answer.CertificateChain ?? '' };
}
