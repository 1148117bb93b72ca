import { CollectError } from '../plugin/error.ts';
import type { AwsLook } from './aws.ts';
import { readChain, type Attributes, type Held, type HeldChain } from './held.ts';
import { attempt, problemOf } from './observation.ts';

const ACM_ARN = /^arn:aws[a-z-]*:acm:([a-z0-9-]+):\d*:certificate\//;
const IAM_ARN = /^arn:aws[a-z-]*:iam::\d+:server-certificate\/(?:.*\/)?([^/]+)$/;

/** What a look may call to find the certificates that services name by their ARNs. */
export const CERTIFICATE_ACTIONS = ['acm:GetCertificate', 'iam:GetServerCertificate'];

/** The certificates that services name by ARN, during one look: each is fetched once, however many name it. */
export interface ServerCertificates {
  /** The certificate as items, with what holds of it where it is used; a problem where it cannot be had. */
  at(arn: string, attributes: Attributes, prefix?: string): Promise<Held & Pick<HeldChain, 'leaf'>>;
}

/** Reads certificates from ACM and IAM by their ARNs, in the account of the look. */
export function createServerCertificates(look: AwsLook): ServerCertificates {
  const texts = new Map<string, Promise<ChainText | CollectError>>();

  function textOf(arn: string): Promise<ChainText | CollectError> {
    const known = texts.get(arn);
    if (known !== undefined) return known;
    const asked = attempt(fetchText(look, arn));
    texts.set(arn, asked);
    return asked;
  }

  return {
    async at(arn, attributes, prefix = '') {
      const text = await textOf(arn);
      if (!(text instanceof CollectError)) return readChain(look.context, text, attributes, prefix);
      return { items: [], problems: [problemOf(`${prefix}certificate`, text)] };
    },
  };
}

interface ChainText {
  readonly certificate: string;
  readonly chain: string | undefined;
}

async function fetchText(look: AwsLook, arn: string): Promise<ChainText> {
  const region = ACM_ARN.exec(arn)?.[1];
  if (region !== undefined) {
    const { ACMClient, GetCertificateCommand } = await import('@aws-sdk/client-acm');
    const client = look.client(ACMClient, region);
    const command = new GetCertificateCommand({ CertificateArn: arn });
    const call = { action: 'acm:GetCertificate', of: arn };
    const answer = await look.call(call, (options) => client.send(command, options));
    return { certificate: answer.Certificate ?? '', chain: answer.CertificateChain };
  }
  const name = IAM_ARN.exec(arn)?.[1];
  if (name !== undefined) {
    const { IAMClient, GetServerCertificateCommand } = await import('@aws-sdk/client-iam');
    const client = look.client(IAMClient);
    const command = new GetServerCertificateCommand({ ServerCertificateName: name });
    const call = { action: 'iam:GetServerCertificate', of: arn };
    const answer = await look.call(call, (options) => client.send(command, options));
    return {
      certificate: answer.ServerCertificate?.CertificateBody ?? '',
      chain: answer.ServerCertificate?.CertificateChain,
    };
  }
  throw new CollectError('unsupported', `${arn} is neither in ACM nor in IAM: notafter does not know how to read it`);
}
