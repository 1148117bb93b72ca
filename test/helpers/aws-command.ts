import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';

import {
  ACMClient,
  DescribeCertificateCommand,
  GetCertificateCommand,
  ImportCertificateCommand,
} from '@aws-sdk/client-acm';

/* As much of the AWS command line as runbooks use, over the vendor's own client. A call that it does not know fails. */

const [service, call, ...rest] = process.argv.slice(2);
const { values } = parseArgs({
  args: rest,
  options: {
    region: { type: 'string' },
    'certificate-arn': { type: 'string' },
    certificate: { type: 'string' },
    'private-key': { type: 'string' },
    'certificate-chain': { type: 'string' },
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

const client = new ACMClient({ region: required('region'), maxAttempts: 1 });
const CertificateArn = required('certificate-arn');

if (service === 'acm' && call === 'get-certificate') {
  const found = await client.send(new GetCertificateCommand({ CertificateArn }));
  const { Certificate, CertificateChain } = found;
  const all = { Certificate, CertificateChain };
  const { query } = values;
  const shown = query === undefined ? JSON.stringify(all) : all[query as keyof typeof all];
  if (shown === undefined) throw new Error(`there is no ${query ?? 'answer'}`);
  process.stdout.write(`${shown}\n`);
} else if (service === 'acm' && call === 'describe-certificate') {
  const { Certificate } = await client.send(new DescribeCertificateCommand({ CertificateArn }));
  process.stdout.write(`${JSON.stringify(Certificate)}\n`);
} else if (service === 'acm' && call === 'import-certificate') {
  const chain = values['certificate-chain'];
  await client.send(
    new ImportCertificateCommand({
      CertificateArn,
      Certificate: bytesOf(required('certificate')),
      PrivateKey: bytesOf(required('private-key')),
      ...(chain === undefined ? {} : { CertificateChain: bytesOf(chain) }),
    }),
  );
} else {
  throw new Error(`aws ${service ?? ''} ${call ?? ''} is not known here`);
}
