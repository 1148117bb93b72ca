import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { parseConfig } from '../../src/config/load.ts';
import { startDaemon, type Daemon } from '../../src/daemon.ts';
import type { Alert } from '../../src/notify/model.ts';
import { alertSituation, join } from '../../src/runbook/gathering.ts';
import type { Runbook } from '../../src/runbook/model.ts';
import { buildRunbook } from '../../src/runbook/runbook.ts';
import { eventually } from '../helpers/eventually.ts';
import {
  armList,
  type FakeRest,
  googleList,
  graphList,
  startFakeRest,
  useMachineIdentity,
} from '../helpers/fake-rest.ts';
import { createAuthority } from '../helpers/pki.ts';
import { startMailbox, type Mailbox } from '../helpers/receivers.ts';

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
 * trusted client CA ends before the client that it admits; a trust config at Google whose anchor ends.
 */
describe('mutual TLS and logins at Azure and Google', { timeout: 120_000 }, () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'notafter-clouds-'));
  const at = (name: string): string => path.join(folder, name);
  const partners = createAuthority({ name: 'Partner CA', notBefore: inDays(-1800), notAfter: inDays(20) });
  const suppliers = createAuthority({ name: 'Supplier CA', notBefore: inDays(-1800), notAfter: inDays(15) });
  const billing = partners.issue({
    commonName: 'billing',
    names: [],
    extendedKeyUsage: ['clientAuth'],
    notBefore: inDays(-10),
    notAfter: inDays(300),
  });
  const saml = createAuthority({ name: 'Federation' }).issue({
    commonName: 'Microsoft Azure Federated SSO Certificate',
    names: [],
    notBefore: inDays(-1090),
    notAfter: inDays(6),
  });
  let azure: FakeRest;
  let google: FakeRest;
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
            httpListeners: [
              {
                ...ref('httpListeners', 'api'),
                name: 'api',
                properties: { hostName: 'api.example.com', sslProfile: ref('sslProfiles', 'mtls') },
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
    writeFileSync(at('clients/billing.pem'), billing.pem);
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
    await azure[Symbol.asyncDispose]();
    await google[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  async function about(
    cause: string,
  ): Promise<{ readonly alert: Alert; readonly runbook: Runbook; readonly commands: string }> {
    const store = daemon?.store;
    if (store === undefined) throw new Error('the daemon does not run');
    const alert = await eventually(`the alert about ${cause} is open`, async () =>
      (await store.alerts.alerts({ state: 'open' })).find((one) => one.cause === cause && one.family === 'expiry'),
    );
    const runbook = buildRunbook(
      alertSituation(alert, join(await store.inventory.locations({}), new Map(), Date.now())),
    );
    const commands = Object.values(runbook.phases)
      .flatMap((steps) => steps.flatMap((one) => one.commands))
      .join('\n');
    return { alert, runbook, commands };
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

  it('tells of the CA in the gateway with the endpoint about whose clients it decides', async () => {
    const { alert, runbook, commands } = await about(partners.certificate.fingerprint);

    expect(alert.places).toMatchObject([{ source: 'gateways', location: GATEWAY, labels: { owner: 'payments' } }]);
    expect(alert.places.flatMap(({ findings }) => findings.map(({ rule }) => rule))).toEqual(['trust-anchor-expiring']);
    expect(runbook.impact.services).toContain('api.example.com:443');
    expect(commands).toContain(
      `az network application-gateway client-cert update --subscription ${SUBSCRIPTION} --resource-group net --gateway-name edge --name partners --data`,
    );
  });

  it('tells of the anchor in the trust config with the host behind the load balancer', async () => {
    const { alert, runbook, commands } = await about(suppliers.certificate.fingerprint);

    expect(alert.places).toMatchObject([{ source: 'google', location: `${GLOBAL}/trustConfigs/suppliers` }]);
    expect(runbook.impact.services).toContain('orders.example.com:443');
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
