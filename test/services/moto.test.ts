import { ACMClient, ImportCertificateCommand, AddTagsToCertificateCommand } from '@aws-sdk/client-acm';
import {
  ACMPCAClient,
  CreateCertificateAuthorityCommand,
  GetCertificateAuthorityCsrCommand,
  ImportCertificateAuthorityCertificateCommand,
  IssueCertificateCommand,
  GetCertificateCommand,
} from '@aws-sdk/client-acm-pca';
import { ApiGatewayV2Client, CreateDomainNameCommand } from '@aws-sdk/client-apigatewayv2';
import {
  CreateUserCommand,
  IAMClient,
  UploadServerCertificateCommand,
  UploadSigningCertificateCommand,
} from '@aws-sdk/client-iam';
import { CreateBucketCommand, PutBucketVersioningCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { CreateSecretCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { collectors } from '../../collectors/index.ts';
import type { Collector } from '../../src/plugin/collector.ts';
import type { Observation } from '../../src/plugin/observation.ts';
import { lookAt } from '../contract/aws-collector.ts';
import { useAwsEnvironment } from '../helpers/aws-environment.ts';
import { createAuthority } from '../helpers/pki.ts';
import { installMoto, startMoto, type Moto } from './moto.ts';

const REGION = 'eu-west-1';
const missing = installMoto();

it('has an AWS by others to ask, or says why not', () => {
  if (missing !== undefined) console.warn(`the tests against moto are skipped: ${missing}`);
  // In CI there is Python, so what is missing there is a fault.
  expect(process.env['CI'] === undefined ? undefined : missing).toBeUndefined();
});

describe.runIf(missing === undefined)('moto', () => {
  useAwsEnvironment();
  const root = createAuthority({ name: 'Root', keyType: 'rsa' });
  const issuing = createAuthority({ name: 'Issuing', parent: root, keyType: 'rsa' });
  const leaf = issuing.issue({ names: ['api.example.com'], keyType: 'rsa' });
  const signer = issuing.issue({ commonName: 'alice', names: [], keyType: 'rsa' });
  const chain = issuing.certificate.pem;
  let moto: Moto;

  /** What a client of the vendor needs to talk to it. */
  const config = (): {
    region: string;
    endpoint: string;
    credentials: { accessKeyId: string; secretAccessKey: string };
  } => ({
    region: REGION,
    endpoint: moto.url,
    credentials: { accessKeyId: 'AKIATEST', secretAccessKey: 'secret' },
  });

  function look(type: string, target: string, options: object = {}): Promise<Observation[]> {
    const all = collectors as readonly unknown[] as readonly Collector[];
    const collector = all.find((one) => one.type === type);
    if (collector === undefined) throw new Error(`there is no collector ${type}`);
    return lookAt(collector, { endpoint: moto.url, ...options }, target);
  }

  beforeAll(async () => {
    moto = await startMoto();
  });

  afterAll(async () => {
    await moto[Symbol.asyncDispose]();
  });

  it('gives back what was imported into ACM, of every kind of key', async () => {
    const acm = new ACMClient(config());
    const curve = issuing.issue({ names: ['ec.example.com'] });
    const { CertificateArn } = await acm.send(
      new ImportCertificateCommand({
        Certificate: Buffer.from(leaf.pem),
        PrivateKey: Buffer.from(leaf.keyPem),
        CertificateChain: Buffer.from(chain),
      }),
    );
    await acm.send(new AddTagsToCertificateCommand({ CertificateArn, Tags: [{ Key: 'Owner', Value: 'web' }] }));
    await acm.send(
      new ImportCertificateCommand({ Certificate: Buffer.from(curve.pem), PrivateKey: Buffer.from(curve.keyPem) }),
    );

    const observations = await look('aws-acm', REGION, { regions: [REGION] });

    expect(observations).toHaveLength(2);
    expect(observations.flatMap(({ problems }) => problems)).toEqual([]);
    const own = observations.find(({ location }) => location === CertificateArn);
    expect(own?.labels).toEqual({ owner: 'web' });
    // Behind the chain that was imported, moto gives a root of AWS.
    expect(own?.items.slice(0, 2)).toMatchObject([
      { der: leaf.der, role: 'server', renewal: { mode: 'manual' } },
      { der: issuing.certificate.der, role: 'intermediate' },
    ]);
  });

  it('gives back the certificate of a private CA, and says what a new one waits for', async () => {
    const pca = new ACMPCAClient(config());
    const create = async (): Promise<string> => {
      const { CertificateAuthorityArn } = await pca.send(
        new CreateCertificateAuthorityCommand({
          CertificateAuthorityType: 'ROOT',
          CertificateAuthorityConfiguration: {
            KeyAlgorithm: 'RSA_2048',
            SigningAlgorithm: 'SHA256WITHRSA',
            Subject: { CommonName: 'Private Root' },
          },
        }),
      );
      return CertificateAuthorityArn ?? '';
    };
    const arn = await create();
    await create();
    const { Csr } = await pca.send(new GetCertificateAuthorityCsrCommand({ CertificateAuthorityArn: arn }));
    const { CertificateArn } = await pca.send(
      new IssueCertificateCommand({
        CertificateAuthorityArn: arn,
        Csr: Buffer.from(Csr ?? ''),
        SigningAlgorithm: 'SHA256WITHRSA',
        TemplateArn: 'arn:aws:acm-pca:::template/RootCACertificate/V1',
        Validity: { Type: 'DAYS', Value: 300 },
      }),
    );
    const { Certificate = '' } = await pca.send(
      new GetCertificateCommand({ CertificateAuthorityArn: arn, CertificateArn }),
    );
    await pca.send(
      new ImportCertificateAuthorityCertificateCommand({
        CertificateAuthorityArn: arn,
        Certificate: Buffer.from(Certificate),
      }),
    );

    const observations = await look('aws-private-ca', REGION, { regions: [REGION] });

    // The other one waits for its certificate: there is nothing of it that could end.
    expect(observations).toMatchObject([
      { location: arn, problems: [], items: [{ kind: 'certificate', role: 'issuer' }] },
    ]);
  });

  it('gives back server and signing certificates of IAM, whatever it says of their ends', async () => {
    const iam = new IAMClient({ ...config(), region: 'us-east-1' });
    await iam.send(
      new UploadServerCertificateCommand({
        ServerCertificateName: 'web',
        CertificateBody: leaf.pem,
        CertificateChain: chain,
        PrivateKey: leaf.keyPem,
      }),
    );
    await iam.send(new CreateUserCommand({ UserName: 'alice' }));
    await iam.send(new UploadSigningCertificateCommand({ UserName: 'alice', CertificateBody: signer.pem }));

    const servers = await look('aws-iam', 'us-east-1/server-certificates');
    const signers = await look('aws-iam', 'us-east-1/signing-certificates');

    expect(servers).toMatchObject([{ problems: [], items: [{ der: leaf.der }, { der: issuing.certificate.der }] }]);
    expect(signers).toMatchObject([{ problems: [], items: [{ der: signer.der, role: 'signer' }] }]);
  });

  it('gives back a truststore in S3 in the version to which a domain is pinned', async () => {
    const s3 = new S3Client({ ...config(), forcePathStyle: true });
    await s3.send(
      new CreateBucketCommand({ Bucket: 'trust', CreateBucketConfiguration: { LocationConstraint: REGION } }),
    );
    await s3.send(new PutBucketVersioningCommand({ Bucket: 'trust', VersioningConfiguration: { Status: 'Enabled' } }));
    const put = async (body: string): Promise<string | undefined> => {
      const { VersionId } = await s3.send(new PutObjectCommand({ Bucket: 'trust', Key: 'ca.pem', Body: body }));
      return VersionId;
    };
    const version = await put(root.certificate.pem);
    const newer = await put(chain);
    await new ApiGatewayV2Client(config()).send(
      new CreateDomainNameCommand({
        DomainName: 'api.example.com',
        MutualTlsAuthentication: { TruststoreUri: 's3://trust/ca.pem', TruststoreVersion: version },
      }),
    );

    const observations = await look('aws-api-gateway', `${REGION}/domains`, { regions: [REGION] });

    const trusted = observations.flatMap(({ items }) => items.filter(({ role }) => role === 'trust-anchor'));
    expect(trusted).toMatchObject([
      { der: root.certificate.der, usedBy: [{ type: 'endpoint', id: 'api.example.com:443' }] },
    ]);
    expect(trusted[0]?.remarks?.[0]).toContain(`has the newer version ${newer}`);
  });

  it('gives back the secrets that were asked for, and no others', async () => {
    const secrets = new SecretsManagerClient(config());
    await secrets.send(new CreateSecretCommand({ Name: 'tls/web', SecretString: leaf.pem + leaf.keyPem }));
    await secrets.send(new CreateSecretCommand({ Name: 'database', SecretString: 'hunter2' }));

    const observations = await look('aws-secrets', REGION, { regions: [REGION], names: ['tls/'] });

    expect(observations).toMatchObject([{ problems: [], items: [{ der: leaf.der, key: { match: 'yes' } }] }]);
  });

  it.each([
    ['aws-load-balancer', REGION],
    ['aws-roles-anywhere', `${REGION}/trust-anchors`],
    ['aws-iot', `${REGION}/authorities`],
  ])('is not covered, and not empty, where it does not know the call of %s', async (type, target) => {
    await expect(look(type, target, { regions: [REGION] })).rejects.toMatchObject({ name: 'CollectError' });
  });
});
