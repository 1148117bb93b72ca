import { describe, expect, it } from 'vitest';

import type { KnownItem, Sighting } from '../../src/inventory/model.ts';
import { awsLook } from '../../src/policy/aws-commands.ts';
import { authority, crl, described, leaf } from '../policy/places.ts';
import { commandsAt } from './commands.ts';

const LISTENER = 'arn:aws:elasticloadbalancing:eu-west-1:1:listener/app/web/1/2';
const STORE = 'arn:aws:elasticloadbalancing:eu-west-1:1:truststore/partners/1';

const ca = authority('Partner CA');
const web = leaf('api.example.com');
const list = crl({ issuer: 'CN=Partner CA' });
const anchor: Partial<Sighting> = { role: 'trust-anchor' };

describe('the runbook of something in AWS', () => {
  const cases: readonly (readonly [string, string, KnownItem, Partial<Sighting>, readonly string[]])[] = [
    [
      'a CA in the truststore of a domain',
      'arn:aws:apigateway:eu-west-1::/domainnames/api.example.com',
      ca,
      anchor,
      [
        'aws s3api get-object --bucket "$BUCKET" --key "$KEY" "$@" "$WORK/old-1.pem"',
        'aws apigateway update-domain-name --region eu-west-1 --domain-name api.example.com',
      ],
    ],
    [
      'a client certificate of API Gateway',
      'arn:aws:apigateway:eu-west-1::/clientcertificates/a1b2',
      web,
      {
        role: 'client',
        usedBy: [{ type: 'aws', id: 'arn:aws:apigateway:eu-west-1::/restapis/api1/stages/prod' }],
      },
      [
        'aws apigateway generate-client-certificate --region eu-west-1',
        'aws apigateway update-stage --region eu-west-1 --rest-api-id api1 --stage-name prod --patch-operations "op=replace,path=/clientCertificateId,value=$NEW_CLIENT"',
        'value=a1b2"',
      ],
    ],
    [
      'a CA in the trust store of a load balancer',
      STORE,
      ca,
      anchor,
      [
        `aws elbv2 get-trust-store-ca-certificates-bundle --region eu-west-1 --trust-store-arn ${STORE}`,
        `aws elbv2 modify-trust-store --region eu-west-1 --trust-store-arn ${STORE}`,
      ],
    ],
    [
      'a revocation list of a load balancer',
      `${STORE}/revocations/7`,
      list,
      {},
      [
        `aws elbv2 add-trust-store-revocations --region eu-west-1 --trust-store-arn ${STORE}`,
        `aws elbv2 remove-trust-store-revocations --region eu-west-1 --trust-store-arn ${STORE} --revocation-ids 7`,
      ],
    ],
    [
      'a CA in a trust anchor',
      'arn:aws:rolesanywhere:eu-west-1:1:trust-anchor/t1',
      ca,
      anchor,
      ['aws rolesanywhere update-trust-anchor --region eu-west-1 --trust-anchor-id t1 --source file://'],
    ],
    [
      'a revocation list of Roles Anywhere',
      'arn:aws:rolesanywhere:eu-west-1:1:crl/c1',
      list,
      {},
      ['aws rolesanywhere update-crl --region eu-west-1 --crl-id c1 --crl-data fileb://'],
    ],
    [
      'a CA in a trust store of CloudFront',
      'arn:aws:cloudfront::1:trust-store/ts1',
      ca,
      anchor,
      ['aws cloudfront update-trust-store --id ts1 --if-match "$ETAG"'],
    ],
    [
      'a CA of devices',
      'arn:aws:iot:eu-west-1:1:cacert/c1',
      ca,
      anchor,
      ['aws iot register-ca-certificate --region eu-west-1 --ca-certificate file://'],
    ],
    [
      'a private CA',
      'arn:aws:acm-pca:eu-west-1:1:certificate-authority/p1',
      ca,
      { role: 'issuer' },
      [
        'aws acm-pca get-certificate-authority-csr --region eu-west-1',
        'aws acm-pca import-certificate-authority-certificate --region eu-west-1',
      ],
    ],
    [
      'a certificate in IAM',
      'arn:aws:iam::1:server-certificate/web',
      web,
      { renewal: { mode: 'manual' } },
      ['aws iam upload-server-certificate --server-certificate-name web-next', 'aws elbv2 modify-listener'],
    ],
    [
      'a database',
      'arn:aws:rds:eu-west-1:1:db:orders',
      described({ names: ['orders.example'] }),
      {},
      ['aws rds modify-db-instance --region eu-west-1 --db-instance-identifier orders --ca-certificate-identifier'],
    ],
    [
      'a cluster',
      'arn:aws:rds:eu-west-1:1:cluster:orders',
      described({ names: ['orders.example'] }),
      {},
      ['aws rds modify-db-cluster --region eu-west-1 --db-cluster-identifier orders'],
    ],
    [
      'a secret',
      'arn:aws:secretsmanager:eu-west-1:1:secret:tls/web-AbCdEf',
      web,
      {},
      ['aws secretsmanager put-secret-value --region eu-west-1 --secret-id arn:aws:secretsmanager'],
    ],
  ];

  it.each(cases)('is for %s', (_what, location, item, options, expected) => {
    const commands = commandsAt(location, item, options);

    for (const command of expected) expect(commands).toContain(command);
  });

  it('asks for nothing to be installed where a certificate of ACM is only shown', () => {
    const commands = commandsAt(LISTENER, web, { role: 'server' });

    expect(commands).not.toMatch(/^aws elbv2 modify/m);
    expect(commands).toContain(
      `aws elbv2 describe-listener-certificates --region eu-west-1 --listener-arn ${LISTENER}`,
    );
  });
});

describe('a look at something in AWS', () => {
  it.each([
    ['arn:aws-us-gov:acm:us-gov-west-1:1:certificate/c', 'aws acm describe-certificate --region us-gov-west-1'],
    ['arn:aws:iam::1:user/alice', 'aws iam list-signing-certificates --user-name alice'],
    [
      'arn:aws:rolesanywhere:eu-west-1:1:subject/s1',
      'aws rolesanywhere get-subject --region eu-west-1 --subject-id s1',
    ],
    ['arn:aws:cloudfront::1:distribution/E1', 'aws cloudfront get-distribution --id E1'],
    ['arn:aws:iot:eu-west-1:1:cert/d1', 'aws iot describe-certificate --region eu-west-1 --certificate-id d1'],
    [
      'arn:aws:iot:eu-west-1:1:domainconfiguration/own/abc',
      'aws iot describe-domain-configuration --region eu-west-1 --domain-configuration-name own',
    ],
    [`${STORE}/revocations/7`, `aws elbv2 describe-trust-stores --region eu-west-1 --trust-store-arns ${STORE}`],
  ])('of %s', (arn, command) => {
    expect(awsLook(arn)).toContain(command);
  });

  it.each(['arn:aws:sqs:eu-west-1:1:queue', '/etc/ssl/web.pem', 'arn:aws'])('is not known for %s', (text) => {
    expect(awsLook(text)).toBeUndefined();
  });
});
