import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { parseConfig } from '../../src/config/load.ts';
import { startDaemon, type Daemon } from '../../src/daemon.ts';
import type { Alert } from '../../src/notify/model.ts';
import type { Runbook } from '../../src/runbook/model.ts';
import { eventually } from '../helpers/eventually.ts';
import {
  armList,
  type FakeRest,
  googleList,
  graphList,
  startFakeRest,
  useMachineIdentity,
} from '../helpers/fake-rest.ts';
import { alertAbout, commandsOf, runbookOf } from '../helpers/open-alerts.ts';
import { createAuthority } from '../helpers/pki.ts';
import { type ProxyServer, startHttpProxy } from '../helpers/proxies.ts';
import { startMailbox, type Mailbox } from '../helpers/receivers.ts';
import { type RunningTls, startTlsServer } from '../helpers/servers.ts';

const DAY_MS = 86_400_000;
const quiet = { debug() {}, info() {}, warn() {}, error() {} };
const inDays = (days: number): Date => new Date(Math.floor((Date.now() + days * DAY_MS) / 1000) * 1000);
const SUBSCRIPTION = '0f1e2d3c-0000-4000-8000-000000000001';
const GATEWAY = `/subscriptions/${SUBSCRIPTION}/resourceGroups/net/providers/Microsoft.Network/applicationGateways/edge`;
const PROJECT = 'my-project-1';
const GLOBAL = `projects/${PROJECT}/locations/global`;
const COMPUTE = `https://www.googleapis.com/compute/v1/projects/${PROJECT}/global`;

/*
 * An application whose client secret and SAML signing certificate end in the same week; an Application Gateway whose
 * trusted client CA ends before the client that it admits; a trust config at Google whose anchor ends. Behind the names of
 * gateway and load balancer real servers judge real clients.
 */
describe('mutual TLS and logins at Azure and Google', { timeout: 120_000 }, () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'notafter-clouds-'));
  const at = (name: string): string => path.join(folder, name);
  const partnersEnd = inDays(20);
  const partners = createAuthority({ name: 'Partner CA', notBefore: inDays(-1800), notAfter: partnersEnd });
  const suppliers = createAuthority({ name: 'Supplier CA', notBefore: inDays(-1800), notAfter: inDays(15) });
  const billing = partners.issue({
    commonName: 'billing',
    names: [],
    extendedKeyUsage: ['clientAuth'],
    notBefore: inDays(-10),
    notAfter: inDays(300),
  });
  const shipping = suppliers.issue({
    commonName: 'shipping',
    names: [],
    extendedKeyUsage: ['clientAuth'],
    notBefore: inDays(-10),
    notAfter: inDays(200),
  });
  const servers = createAuthority({ name: 'Servers' });
  const saml = createAuthority({ name: 'Federation' }).issue({
    commonName: 'Microsoft Azure Federated SSO Certificate',
    names: [],
    notBefore: inDays(-1090),
    notAfter: inDays(6),
  });
  let azure: FakeRest;
  let google: FakeRest;
  let api: RunningTls;
  let orders: RunningTls;
  let proxy: ProxyServer;
  let mailbox: Mailbox;
  let daemon: Daemon | undefined;
  useMachineIdentity();

  function serveEntra(): void {
    const identifier = createHash('sha1').update(saml.der).digest('base64');
    azure.routes.set(
      '/v1.0/applications',
      graphList(azure, [
        {
          id: 'object-1',
          appId: 'app-1',
          displayName: 'Expenses',
          passwordCredentials: [
            { keyId: 'secret-1', displayName: 'ci', startDateTime: inDays(-360), endDateTime: inDays(4) },
          ],
        },
      ]),
    );
    const key = (keyId: string, usage: string): object => ({
      keyId,
      usage,
      type: 'AsymmetricX509Cert',
      customKeyIdentifier: identifier,
      startDateTime: inDays(-1090),
      endDateTime: inDays(6),
      key: Buffer.from(saml.der).toString('base64'),
    });
    const principal = {
      id: 'sp-1',
      appId: 'app-1',
      displayName: 'Expenses',
      accountEnabled: true,
      keyCredentials: [key('verify-1', 'Verify'), key('sign-1', 'Sign')],
    };
    azure.routes.set('/v1.0/servicePrincipals', graphList(azure, [principal]));
    azure.routes.set('/v1.0/servicePrincipals/sp-1', () => principal);
  }

  function serveGateway(): void {
    const ref = (kind: string, name: string): object => ({ id: `${GATEWAY}/${kind}/${name}` });
    azure.routes.set(
      `/subscriptions/${SUBSCRIPTION}/providers/Microsoft.Network/applicationGateways`,
      armList(azure, [
        {
          id: GATEWAY,
          tags: { owner: 'payments' },
          properties: {
            frontendPorts: [{ ...ref('frontendPorts', 'tls'), name: 'tls', properties: { port: 8443 } }],
            httpListeners: [
              {
                ...ref('httpListeners', 'api'),
                name: 'api',
                properties: {
                  hostName: 'api.example.com',
                  frontendPort: ref('frontendPorts', 'tls'),
                  sslProfile: ref('sslProfiles', 'mtls'),
                },
              },
            ],
            sslProfiles: [
              {
                name: 'mtls',
                properties: { trustedClientCertificates: [ref('trustedClientCertificates', 'partners')] },
              },
            ],
            trustedClientCertificates: [
              { name: 'partners', properties: { data: Buffer.from(partners.certificate.pem).toString('base64') } },
            ],
          },
        },
      ]),
    );
  }

  function serveTrustConfig(): void {
    const list = `/v1/projects/${PROJECT}/locations/-`;
    const compute = (field: string, items: readonly object[]): void => {
      google.routes.set(`/compute/v1/projects/${PROJECT}/aggregated/${field}`, () => ({
        items: { global: { [field]: items } },
      }));
    };
    google.routes.set(`${list}/certificates`, googleList(google, 'certificates', []));
    google.routes.set(
      `${list}/trustConfigs`,
      googleList(google, 'trustConfigs', [
        {
          name: `${GLOBAL}/trustConfigs/suppliers`,
          trustStores: [{ trustAnchors: [{ pemCertificate: suppliers.certificate.pem }] }],
        },
      ]),
    );
    google.routes.set(
      `${list}/serverTlsPolicies`,
      googleList(google, 'serverTlsPolicies', [
        {
          name: `${GLOBAL}/serverTlsPolicies/strict`,
          mtlsPolicy: {
            clientValidationMode: 'REJECT_INVALID',
            clientValidationTrustConfig: `${GLOBAL}/trustConfigs/suppliers`,
          },
        },
      ]),
    );
    compute('targetHttpsProxies', [
      {
        selfLink: `${COMPUTE}/targetHttpsProxies/orders`,
        urlMap: `${COMPUTE}/urlMaps/orders`,
        serverTlsPolicy: `//networksecurity.googleapis.com/${GLOBAL}/serverTlsPolicies/strict`,
      },
    ]);
    compute('targetSslProxies', []);
    compute('urlMaps', [{ selfLink: `${COMPUTE}/urlMaps/orders`, hostRules: [{ hosts: ['orders.example.com'] }] }]);
    compute('forwardingRules', []);
  }

  beforeAll(async () => {
    mkdirSync(at('clients'));
    for (const [name, client] of Object.entries({ billing, shipping })) {
      writeFileSync(at(`clients/${name}.pem`), client.pem);
      writeFileSync(at(`clients/${name}.key`), client.keyPem, { mode: 0o600 });
    }
    const judging = { requestCert: true, rejectUnauthorized: true };
    api = await startTlsServer(servers.issue({ names: ['api.example.com'] }), {
      ...judging,
      ca: [partners.certificate.pem],
    });
    orders = await startTlsServer(servers.issue({ names: ['orders.example.com'] }), {
      ...judging,
      ca: [suppliers.certificate.pem],
    });
    // The names are in no DNS, and nobody may listen at these ports here: a proxy knows the way.
    proxy = await startHttpProxy({
      names: { 'api.example.com': '127.0.0.1', 'orders.example.com': '127.0.0.1' },
      ports: { 8443: api.port, 443: orders.port },
    });
    azure = await startFakeRest();
    google = await startFakeRest();
    mailbox = await startMailbox();
    serveEntra();
    serveGateway();
    serveTrustConfig();
  });

  /** Begun within a test: the identity of the machine is there then. */
  beforeEach(async () => {
    if (daemon !== undefined) return;
    const config = parseConfig(
      'notafter.yaml',
      `sources:
  - {name: entra, type: azure-entra, every: 2s, endpoint: "${azure.url}"}
  - {name: gateways, type: azure-app-gateway, every: 2s, subscriptions: [${SUBSCRIPTION}], endpoint: "${azure.url}"}
  - {name: google, type: google-certificate-manager, every: 2s, projects: [${PROJECT}], endpoint: "${google.url}"}
  - {name: clients, type: file, every: 2s, paths: ["${at('clients')}"]}
  - name: api
    type: endpoint
    every: 2s
    targets: ["api.example.com:8443"]
    proxy: "http://127.0.0.1:${proxy.port}"
    clients: [{name: billing, certificate_file: "${at('clients/billing.pem')}", key_file: "${at('clients/billing.key')}"}]
  - name: orders
    type: endpoint
    every: 2s
    targets: [orders.example.com]
    proxy: "http://127.0.0.1:${proxy.port}"
    clients: [{name: shipping, certificate_file: "${at('clients/shipping.pem')}", key_file: "${at('clients/shipping.key')}"}]
channels:
  - {name: mail, type: email, smtp: {host: 127.0.0.1, port: ${mailbox.port}, secure: none}, from: notafter@lab.test, to: [oncall@lab.test]}
web: {listen: "127.0.0.1:0"}
store: "sqlite:${at('notafter.db')}"
`,
      {},
    );
    daemon = await startDaemon({ config, version: 'test', log: quiet, loadConfig: () => Promise.resolve(config) });
  });

  afterAll(async () => {
    await daemon?.stop();
    await mailbox.close();
    await proxy[Symbol.asyncDispose]();
    await api.close();
    await orders.close();
    await azure[Symbol.asyncDispose]();
    await google[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  async function about(
    cause: string,
    places = 1,
  ): Promise<{ readonly alert: Alert; readonly runbook: Runbook; readonly commands: string }> {
    if (daemon === undefined) throw new Error('the daemon does not run');
    const alert = await alertAbout(daemon, cause, places);
    const runbook = await runbookOf(daemon, alert);
    return { alert, runbook, commands: commandsOf(runbook) };
  }

  it('tells of the client secret of the application, and how to add another beside it', async () => {
    const { alert, runbook, commands } = await about('secret-1');

    expect(alert.places.map(({ source, location }) => [source, location])).toEqual([
      ['entra', 'entra:applications/app-1'],
    ]);
    expect(alert.places.flatMap(({ findings }) => findings.map(({ rule }) => rule))).toEqual(['credential-expiring']);
    expect(runbook.impact.services).toEqual(['Expenses']);
    expect(commands).toContain('az ad app credential reset --id app-1 --append');
    expect(commands).toContain('az ad app credential delete --id app-1 --key-id secret-1');
  });

  it('tells of its signing certificate, which is another cause, and how to switch to the next', async () => {
    const { alert, runbook, commands } = await about(saml.fingerprint);

    expect(alert.places.map(({ location }) => location)).toEqual(['entra:servicePrincipals/sp-1']);
    expect(runbook.impact.services).toEqual(['Expenses']);
    expect(commands).toContain('/servicePrincipals/sp-1/addTokenSigningCertificate');
    expect(commands.indexOf('addTokenSigningCertificate')).toBeLessThan(commands.indexOf('--method PATCH'));
    expect(commands).toContain('preferredTokenSigningKeyThumbprint');
  });

  it('tells of the CA in the gateway with the endpoint and the client about whom it decides', async () => {
    const { alert, runbook, commands } = await about(partners.certificate.fingerprint, 2);

    expect(alert.places.map(({ source, location, labels }) => [source, location, labels['owner']])).toContainEqual([
      'gateways',
      GATEWAY,
      'payments',
    ]);
    expect(new Set(alert.places.map(({ source }) => source))).toEqual(new Set(['gateways', 'api']));
    expect(alert.places.flatMap(({ findings }) => findings.map(({ rule }) => rule)).toSorted()).toEqual([
      'client-will-fail',
      'trust-anchor-expiring',
    ]);
    expect(runbook.impact.services).toContain('api.example.com:8443');
    // The client itself is valid for long: its logins end with the CA in the gateway.
    expect(runbook.impact.logins).toMatchObject([
      { client: 'billing', certainty: 'certain', failsAt: partnersEnd.getTime() },
    ]);
    expect(commands).toContain(
      `az network application-gateway client-cert update --subscription ${SUBSCRIPTION} --resource-group net --gateway-name edge --name partners --data`,
    );
  });

  it('tells of the anchor in the trust config with the host behind the load balancer, and the client that it lets in', async () => {
    const { alert, runbook, commands } = await about(suppliers.certificate.fingerprint, 2);

    expect(alert.places.map(({ source, location }) => [source, location])).toContainEqual([
      'google',
      `${GLOBAL}/trustConfigs/suppliers`,
    ]);
    expect(new Set(alert.places.map(({ source }) => source))).toEqual(new Set(['google', 'orders']));
    expect(runbook.impact.services).toContain('orders.example.com:443');
    expect(runbook.impact.logins).toMatchObject([{ client: 'shipping', certainty: 'certain' }]);
    expect(commands).toContain(
      `gcloud certificate-manager trust-configs export suppliers --project=${PROJECT} --location=global`,
    );
    expect(commands).toContain(
      `gcloud certificate-manager trust-configs import suppliers --project=${PROJECT} --location=global`,
    );
  });

  it('is four causes, and each is told by mail', async () => {
    const open = (await daemon?.store.alerts.alerts({ state: 'open' })) ?? [];
    expect(open.filter(({ family }) => family === 'expiry')).toHaveLength(4);
    const told = (text: string): boolean => mailbox.received.some(({ mail }) => mail.text?.includes(text) === true);
    await eventually('each was told', () =>
      ['client secret ci of Expenses', 'Partner CA', 'Supplier CA', 'entra:servicePrincipals/sp-1'].every(told),
    );
  });
});
