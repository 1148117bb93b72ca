import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

import { collectors } from '../../collectors/index.ts';
import type { Collector } from '../../src/plugin/collector.ts';
import { SUBSCRIPTION } from './azure-collector.ts';
import { type CollectorCase, COLLECTORS, describeCollector } from './collector.ts';

const all = collectors as readonly unknown[] as readonly Collector[];

/** Every collector has a case here: one without is an error. */
/** A collector for resources in subscriptions of Azure: so many targets for each. */
function inSubscriptions(targetCount: number): CollectorCase {
  return {
    validOptions: { subscriptions: [SUBSCRIPTION], cloud: 'china' },
    invalidOptions: {
      'a subscription by its name': { subscriptions: ['payments'] },
      'a subscription named twice': { subscriptions: [SUBSCRIPTION, SUBSCRIPTION.toUpperCase()] },
      'both subscriptions and management groups': { subscriptions: [SUBSCRIPTION], management_groups: ['prod'] },
      'half a service principal': { subscriptions: [SUBSCRIPTION], tenant_id: 't' },
    },
    targetCount,
  };
}

/** A collector for projects of Google: so many targets for two of them. */
function inProjects(targetCount: number): CollectorCase {
  return {
    validOptions: { projects: ['my-project-1', '123456'], tags: [] },
    invalidOptions: {
      'nothing to look at': {},
      'a project that cannot be one': { projects: ['My Project'] },
      'a project named twice': { projects: ['my-project-1', 'my-project-1'] },
      'a folder by its name': { folders: ['payments'] },
    },
    targetCount,
  };
}

const CASES: Readonly<Record<string, CollectorCase>> = {
  'access-log': {
    validOptions: { format: 'nginx', paths: ['/var/log/nginx/clients.log', '/var/log/nginx/../nginx/clients.log'] },
    invalidOptions: {
      'no log': { format: 'nginx' },
      'two kinds of place': { format: 'alb', paths: ['/a'], s3: { bucket: 'logs', region: 'eu-west-1' } },
      'a format that is not read': { format: 'iis', paths: ['/a'] },
      'a log format that says nothing of the client': {
        format: 'nginx',
        paths: ['/a'],
        log_format: '$remote_addr $request',
      },
      'variables with nothing in between': { format: 'nginx', paths: ['/a'], log_format: '$host$ssl_client_s_dn' },
      'a log format for JSON': { format: 'json', paths: ['/a'], log_format: '$ssl_client_s_dn' },
      'fields for text': { format: 'nginx', paths: ['/a'], fields: { subject: 'dn' } },
      'a field that does not exist': { format: 'json', paths: ['/a'], fields: { color: 'c' } },
      'more clients than fit': { format: 'nginx', paths: ['/a'], max_clients: 10_000_000 },
    },
    targetCount: 1,
  },
  'aws-acm': {
    validOptions: { regions: ['eu-west-1', 'us-gov-west-1'], endpoint: 'http://127.0.0.1:4566', profile: 'audit' },
    invalidOptions: {
      'no region': { regions: [] },
      'a misspelt region': { regions: ['europe'] },
      'a region named twice': { regions: ['eu-west-1', 'eu-west-1'] },
      'an endpoint that is no URL': { regions: ['eu-west-1'], endpoint: 'localhost' },
      'an endpoint of another protocol': { regions: ['eu-west-1'], endpoint: 'ftp://localhost' },
    },
    targetCount: 2,
  },
  'aws-api-gateway': {
    validOptions: {
      regions: ['eu-west-1'],
      accounts: [{ role_arn: 'arn:aws:iam::444455556666:role/notafter', external_id: '9f3c' }],
      own_account: true,
    },
    invalidOptions: {
      'no region': {},
      'an account twice': {
        regions: ['eu-west-1'],
        accounts: [
          { role_arn: 'arn:aws:iam::444455556666:role/one' },
          { role_arn: 'arn:aws:iam::444455556666:role/two' },
        ],
      },
    },
    targetCount: 4,
  },
  'aws-cloudfront': {
    validOptions: { trust_stores: { partners: 's3://trust/partners.pem' } },
    invalidOptions: {
      'a bundle that is not in S3': { trust_stores: { partners: 'https://example.com/partners.pem' } },
      'a region, where there is none': { regions: ['eu-west-1'] },
    },
    targetCount: 1,
  },
  'aws-iam': {
    validOptions: { partition: 'aws-us-gov' },
    invalidOptions: {
      'a region, where there is none': { regions: ['eu-west-1'] },
      'a partition that does not exist': { partition: 'aws-moon' },
    },
    targetCount: 2,
  },
  'aws-iot': {
    validOptions: { regions: ['eu-west-1'], devices: true },
    invalidOptions: { 'no region': {}, 'devices that are not a yes or no': { regions: ['eu-west-1'], devices: 'all' } },
    targetCount: 3,
  },
  'aws-load-balancer': {
    validOptions: { regions: ['eu-west-1'], names: { web: ['api.example.com', 'other.example.com:8443'] } },
    invalidOptions: {
      'no region': { regions: [] },
      'a load balancer without names': { regions: ['eu-west-1'], names: { web: [] } },
    },
    targetCount: 1,
  },
  'aws-private-ca': {
    validOptions: { regions: ['eu-west-1', 'us-east-1'], tags: [] },
    invalidOptions: { 'no region': {} },
    targetCount: 2,
  },
  'aws-rds': {
    validOptions: { regions: ['eu-west-1'] },
    invalidOptions: { 'no region': {} },
    targetCount: 2,
  },
  'aws-roles-anywhere': {
    validOptions: { regions: ['eu-west-1'] },
    invalidOptions: { 'no region': {} },
    targetCount: 3,
  },
  'aws-secrets': {
    validOptions: { regions: ['eu-west-1'], names: ['tls/'], tag_keys: ['notafter'] },
    invalidOptions: {
      'no region': { names: ['tls/'] },
      'no word on what may be read': { regions: ['eu-west-1'] },
      'the empty beginning of a name, which every secret has': { regions: ['eu-west-1'], names: [''] },
    },
    targetCount: 1,
  },
  'azure-api-management': inSubscriptions(1),
  'azure-app-gateway': inSubscriptions(1),
  'azure-app-service': inSubscriptions(1),
  'azure-front-door': inSubscriptions(2),
  'azure-entra': {
    validOptions: { cloud: 'us-government', owners: true, superseded: 'alert' },
    invalidOptions: {
      'a cloud that does not exist': { cloud: 'germany' },
      'half a service principal': { tenant_id: 't' },
      'an endpoint that is no URL': { endpoint: 'graph' },
    },
    targetCount: 2,
  },
  'azure-key-vault': {
    validOptions: { vaults: ['https://one.vault.azure.net', 'https://two.vault.azure.net/'] },
    invalidOptions: {
      'no vault': { vaults: [] },
      'a vault that is no URL': { vaults: ['one'] },
      'a vault without TLS': { vaults: ['http://one.vault.azure.net'] },
      'a vault with a path': { vaults: ['https://one.vault.azure.net/certificates'] },
      'vaults and where to find them': {
        vaults: ['https://one.vault.azure.net'],
        subscriptions: [SUBSCRIPTION],
      },
      'both subscriptions and management groups': {
        subscriptions: [SUBSCRIPTION],
        management_groups: ['prod'],
      },
      'a vault named twice': { vaults: ['https://one.vault.azure.net', 'https://ONE.vault.azure.net/'] },
      'a secret in the config': {
        vaults: ['https://one.vault.azure.net'],
        tenant_id: 't',
        client_id: 'c',
        client_secret: 'hunter2',
      },
      'half a service principal': {
        vaults: ['https://one.vault.azure.net'],
        tenant_id: 't',
        client_secret_file: '/run/secrets/azure',
      },
      'a secret given twice': {
        vaults: ['https://one.vault.azure.net'],
        tenant_id: 't',
        client_id: 'c',
        client_secret: '${AZURE_SECRET}',
        client_secret_file: '/run/secrets/azure',
      },
    },
    targetCount: 2,
  },
  endpoint: {
    validOptions: {
      targets: ['api.example.com', 'api.example.com:8443', 'https://API.example.com/health', '[::1]:636'],
    },
    invalidOptions: {
      'no target': { targets: [] },
      'a target of a protocol that is not spoken': { targets: ['gopher://mail.example.com:25'] },
      'a port that is none': { targets: ['api.example.com:99999'] },
      'a host with a blank': { targets: ['api example.com'] },
      'a timeout without a unit': { targets: ['api.example.com'], timeout: '10' },
      'a timeout as a number': { targets: ['api.example.com'], timeout: 10 },
      'a handshake that does not exist': { targets: ['api.example.com'], handshake: 'half' },
      'no address at all': { targets: ['api.example.com'], max_addresses: 0 },
    },
    targetCount: 3,
  },
  file: {
    validOptions: { paths: ['/etc/ssl', '/no/such/folder/*.pem', '/etc/ssl'] },
    invalidOptions: {
      'no path': { paths: [] },
      'an empty path': { paths: [''] },
      'a path that is no list': { paths: '/etc/ssl' },
      'a size that is no number': { paths: ['/etc/ssl'], max_bytes: '10M' },
      'a size beyond what is bounded': { paths: ['/etc/ssl'], max_bytes: 1e12 },
    },
    targetCount: 2,
  },
  'identity-provider': {
    validOptions: {
      saml: ['https://idp.example.com/metadata', '/etc/idp.xml'],
      oidc: ['https://login.example.com'],
      jwks: ['https://login.example.com'],
    },
    invalidOptions: {
      'nothing to look at': {},
      'a path that is relative': { saml: ['idp.xml'] },
      'a URL of another protocol': { oidc: ['ftp://login.example.com'] },
      'a login in a URL': { jwks: ['https://me:secret@login.example.com/keys'] },
      'an issuer named twice': { oidc: ['https://login.example.com', 'https://login.example.com'] },
      'documents beyond what is bounded': { oidc: ['https://login.example.com'], max_bytes: 1e12 },
    },
    targetCount: 4,
  },
  'google-cas': inProjects(2),
  'google-certificate-manager': inProjects(4),
  'google-compute': inProjects(2),
  'google-iam': inProjects(2),
  kubernetes: {
    validOptions: { kubeconfig: '/no/such/kubeconfig', contexts: ['prod', 'staging'], namespaces: ['shop', 'billing'] },
    invalidOptions: {
      'no context': { contexts: [] },
      'a context named twice': { contexts: ['prod', 'prod'] },
      'a namespace with a slash': { namespaces: ['shop/web'] },
      'a server beside a kubeconfig': { server: 'https://10.0.0.1:6443', kubeconfig: '/etc/kubeconfig' },
      'a token without a server': { token_file: '/run/secrets/token' },
      'a server that is no URL': { server: '10.0.0.1:6443' },
      'Secrets to read where none is to be read': { secrets: 'none', other_secrets: [{ match: 'shop/*' }] },
      'a pattern without a namespace': { other_secrets: [{ match: '*.jks' }] },
      'a password in the config': { other_secrets: [{ match: 'shop/*', password: 'hunter2' }] },
      'a resource that is not looked at': { skip: ['pods'] },
      'nothing to look at': {
        namespaces: ['shop'],
        secrets: 'none',
        skip: ['configmaps', 'certificates', 'certificaterequests', 'issuers', 'ingresses', 'gateways'],
      },
    },
    // Seven kinds that belong to namespaces, in two of them, of two clusters.
    targetCount: 28,
  },
  vault: {
    validOptions: { address: 'https://vault.example.com:8200', mounts: ['pki', '/team/pki/'], auth_mounts: ['cert'] },
    invalidOptions: {
      'an address that is no URL': { address: 'vault.example.com' },
      'an address of another protocol': { address: 'ftp://vault.example.com' },
      'a mount named twice': { address: 'https://v.example', mounts: ['pki', 'pki/'] },
      'a mount with a query': { address: 'https://v.example', mounts: ['pki?list=true'] },
      'a method that does not exist': { address: 'https://v.example', auth: { method: 'ldap' } },
      'a login without a role': { address: 'https://v.example', auth: { method: 'jwt', token_file: '/run/jwt' } },
      'a token in the config': { address: 'https://v.example', auth: { method: 'token', token: 'hvs.secret' } },
      'a secret given twice': {
        address: 'https://v.example',
        auth: { method: 'approle', role_id: 'r', secret: '${SECRET_ID}', secret_file: '/run/secrets/id' },
      },
    },
    // The token itself is one.
    targetCount: 4,
  },
  venafi: {
    validOptions: {
      saas: { api_key_file: '/run/secrets/venafi' },
      self_hosted: { url: 'https://tpp.example.com', username: 'svc', password: '${TPP_PASSWORD}' },
    },
    invalidOptions: {
      'no product': {},
      'no API key': { saas: {} },
      'a secret in the config': { saas: { api_key: '11111111-2222-3333-4444-555555555555' } },
      'an API key given twice': { saas: { api_key: '${KEY}', api_key_file: '/k' } },
      'a user without a password': { self_hosted: { url: 'https://tpp.example.com', username: 'svc' } },
      'two ways to log in': {
        self_hosted: { url: 'https://t.example', username: 's', password: '${P}', access_token: '${T}' },
      },
      'a folder that is none': { self_hosted: { url: 'https://t.example', access_token: '${T}', policy: 'Policy' } },
      'a login in the URL': { self_hosted: { url: 'https://a:b@t.example', access_token: '${T}' } },
    },
    targetCount: 2,
  },
};

describe('the list of collectors', () => {
  it('holds exactly the folders, in alphabetical order', () => {
    const folders = readdirSync(COLLECTORS, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => entry.name)
      .toSorted();

    expect(all.map((collector) => collector.type)).toEqual(folders);
  });

  it('has a case for every collector', () => {
    expect(Object.keys(CASES).toSorted()).toEqual(all.map((collector) => collector.type));
  });
});

for (const collector of all) {
  const given = CASES[collector.type];
  if (given !== undefined) describeCollector(collector, given);
}
