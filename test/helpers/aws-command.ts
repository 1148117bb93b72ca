import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';

/* As much of the AWS command line as runbooks use, over the vendor's own clients. A call that it does not know fails. */

const [service, call, ...rest] = process.argv.slice(2);
const { values, positionals } = parseArgs({
  args: rest,
  allowPositionals: true,
  options: {
    region: { type: 'string' },
    'certificate-arn': { type: 'string' },
    certificate: { type: 'string' },
    'private-key': { type: 'string' },
    'certificate-chain': { type: 'string' },
    'domain-name': { type: 'string' },
    'patch-operations': { type: 'string' },
    bucket: { type: 'string' },
    key: { type: 'string' },
    'version-id': { type: 'string' },
    body: { type: 'string' },
    query: { type: 'string' },
    output: { type: 'string' },
  },
});

function required(name: keyof typeof values): string {
  const value = values[name];
  if (value === undefined) throw new Error(`--${name} is missing`);
  return value;
}

/** `fileb://PATH`, as the command line has it. */
function bytesOf(word: string): Uint8Array {
  if (!word.startsWith('fileb://')) throw new Error(`${word} is no fileb://`);
  return readFileSync(word.slice('fileb://'.length));
}

/** `a.b` or `[a,b]` of an answer, as text: what is missing is None. */
function shown(answer: unknown): string {
  const { query } = values;
  if (query === undefined) return JSON.stringify(answer);
  const at = (path: string): string => {
    let found = answer;
    for (const name of path.split('.')) found = (found as Readonly<Record<string, unknown>> | undefined)?.[name];
    if (found === undefined) return 'None';
    return typeof found === 'string' ? found : JSON.stringify(found);
  };
  const several = /^\[(.*)\]$/.exec(query)?.[1];
  return several === undefined ? at(query) : several.split(',').map(at).join('\t');
}

/** `op=replace,path=/x,value=y`. */
function operationOf(text: string): { op: 'replace'; path: string; value: string } {
  const [, path, value] = /^op=replace,path=([^,]+),value=(.+)$/.exec(text) ?? [];
  if (path === undefined || value === undefined) throw new Error(`${text} is no operation`);
  return { op: 'replace', path, value };
}

async function acm(): Promise<unknown> {
  const { ACMClient, DescribeCertificateCommand, GetCertificateCommand, ImportCertificateCommand } =
    await import('@aws-sdk/client-acm');
  const client = new ACMClient({ region: required('region'), maxAttempts: 1 });
  const CertificateArn = required('certificate-arn');
  switch (call) {
    case 'get-certificate': {
      const { Certificate, CertificateChain } = await client.send(new GetCertificateCommand({ CertificateArn }));
      return { Certificate, CertificateChain };
    }
    case 'describe-certificate':
      return client.send(new DescribeCertificateCommand({ CertificateArn }));
    case 'import-certificate': {
      const chain = values['certificate-chain'];
      return client.send(
        new ImportCertificateCommand({
          CertificateArn,
          Certificate: bytesOf(required('certificate')),
          PrivateKey: bytesOf(required('private-key')),
          ...(chain === undefined ? {} : { CertificateChain: bytesOf(chain) }),
        }),
      );
    }
    default:
      return undefined;
  }
}

async function apigateway(): Promise<unknown> {
  const { APIGatewayClient, GetDomainNameCommand, UpdateDomainNameCommand } =
    await import('@aws-sdk/client-api-gateway');
  const client = new APIGatewayClient({ region: required('region'), maxAttempts: 1 });
  const domainName = required('domain-name');
  switch (call) {
    case 'get-domain-name':
      return client.send(new GetDomainNameCommand({ domainName }));
    case 'update-domain-name':
      return client.send(
        new UpdateDomainNameCommand({ domainName, patchOperations: [operationOf(required('patch-operations'))] }),
      );
    default:
      return undefined;
  }
}

async function s3api(): Promise<unknown> {
  const { S3Client, GetObjectCommand, PutObjectCommand } = await import('@aws-sdk/client-s3');
  const client = new S3Client({ region: 'us-east-1', maxAttempts: 1, forcePathStyle: true });
  const object = { Bucket: required('bucket'), Key: required('key') };
  switch (call) {
    case 'get-object': {
      const version = values['version-id'];
      const answer = await client.send(
        new GetObjectCommand({ ...object, ...(version === undefined ? {} : { VersionId: version }) }),
      );
      const [file] = positionals;
      if (file === undefined) throw new Error('the file to write to is missing');
      writeFileSync(file, (await answer.Body?.transformToByteArray()) ?? new Uint8Array());
      return { VersionId: answer.VersionId };
    }
    case 'put-object':
      return client.send(new PutObjectCommand({ ...object, Body: readFileSync(required('body')) }));
    default:
      return undefined;
  }
}

const services: Readonly<Record<string, () => Promise<unknown>>> = { acm, apigateway, s3api };
const answer = await services[service ?? '']?.();
if (answer === undefined) throw new Error(`aws ${service ?? ''} ${call ?? ''} is not known here`);
process.stdout.write(`${shown(answer)}\n`);
