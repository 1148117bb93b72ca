import { certificateIn } from '../../src/certificate/certificate.ts';
import { createInventoryIndex, type InventoryIndex } from '../../src/inventory/inventory-index.ts';
import type { Location } from '../../src/inventory/model.ts';
import { locationsAround } from '../../src/look/around.ts';
import { takeSurvey } from '../../src/look/surveying.ts';
import { createDesk } from '../../src/notify/desk.ts';
import { startForecast } from '../../src/policy/forecast.ts';
import { DEFAULT_POLICY, type Policy } from '../../src/policy/policy.ts';
import type { InventoryView } from '../../src/policy/view.ts';
import type { Store } from '../../src/store/store.ts';
import { createGate, type AccessOptions, type Gate } from '../../src/web/access/gate.ts';
import { createApp } from '../../src/web/app.ts';
import type { Had } from '../../src/web/latest.ts';
import type { Survey, WebParts } from '../../src/web/parts.ts';
import { createAlertRunbooks, readRunbook } from '../../src/web/runbooks.ts';
import {
  authority,
  credential,
  crl,
  DAY,
  described,
  endpointLocation,
  fileLocation,
  leaf,
  NOW,
  root,
  showing,
  sighting,
} from '../policy/places.ts';
import { createLookScenario } from './look-scenario.ts';

export { NOW } from '../policy/places.ts';

export const HOST = '127.0.0.1:9919';

/** The page and the API over a real store, at a moment that stands still. */
export interface WebStage {
  readonly store: Store;
  readonly parts: WebParts;
  readonly view: InventoryView & InventoryIndex;
  readonly policy: Policy;
  readonly clock: { at: number; now(): number };
  /** What changed something. */
  readonly calls: string[];
  readonly logged: { readonly fields: object; readonly message: string }[];
  ask(path: string, init?: AskInit): Promise<WebAnswer>;
  close(): Promise<void>;
}

/** The other end of a connection from this machine, as the server hands it on. */
export const LOCAL = { incoming: { socket: { remoteAddress: '127.0.0.1' } } };

/** Nobody has to log in; who listens does so on this machine alone. */
export function openGate(clock: { now(): number }, options: Partial<AccessOptions> = {}): Gate {
  const log = (): void => undefined;
  return createGate({
    options: () => ({
      users: new Map(),
      tokens: [],
      hosts: [],
      isLoopback: true,
      hasClientCertificates: false,
      clientNames: [],
      rate: { intervalMs: 1, burst: 100_000 },
      ...options,
    }),
    now: clock.now,
    secret: Buffer.alloc(32, 7),
    namesOf: (der) => certificateIn(der)?.names ?? [],
    log: { debug: log, info: log, warn: log, error: log },
  });
}

export interface AskInit {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface WebAnswer {
  readonly status: number;
  readonly type: string;
  readonly text: string;
  readonly headers: Headers;
}

export async function createWebStage(
  locations: readonly Location[] = exampleFleet(),
  overrides: Partial<WebParts> = {},
): Promise<WebStage> {
  const { openSqlite } = await import('../../src/store/sqlite.ts');
  const store = await openSqlite(':memory:');
  const saved = await store.transaction(async (tx) => {
    for (const { source, type } of new Map(locations.map((one) => [one.source, one])).values()) {
      await tx.inventory.saveSource({
        name: source,
        type,
        intervalMs: 3_600_000,
        firstSeenAt: NOW - 90 * DAY,
        baselineAt: NOW - 90 * DAY,
      });
    }
    return tx.inventory.saveLocations(
      locations.map((location) => ({ location: { ...location, id: 0 }, ders: new Map(), touchOnly: false })),
    );
  });
  const scenario = await createLookScenario(store);
  const { clock } = scenario;
  clock.at = NOW;
  await scenario.recorder.assessAll(new AbortController().signal);
  const index = createInventoryIndex(saved);
  const view: InventoryView & typeof index = {
    ...index,
    isPublicRoot: () => false,
    hasPublicIssuer: () => false,
    intervalMs: () => 3_600_000,
    facts: () => [],
  };
  const calls: string[] = [];
  const logged: { fields: object; message: string }[] = [];
  const log = (fields: object, message: string): void => void logged.push({ fields, message });
  let ids = 0;
  const survey = async (): Promise<Had<Survey>> => ({
    value: await takeSurvey({
      inventory: store.inventory,
      catalogue: store.catalogue,
      view,
      policy: DEFAULT_POLICY,
      sources: [...new Set(locations.map(({ source }) => source))],
      now: clock.at,
      signal: new AbortController().signal,
    }),
  });
  const parts: WebParts = {
    inventory: store.inventory,
    catalogue: store.catalogue,
    outbox: store.outbox,
    view,
    metrics: {
      exposition: async () => ({
        contentType: 'text/plain; version=0.0.4; charset=utf-8',
        length: 14,
        chunks: [Buffer.from('notafter_up 1\n')],
      }),
    } as unknown as WebParts['metrics'],
    probe: async () => ({ kind: 'refused', detail: 'nothing is probed here' }),
    sourceLabels: () => ({}),
    version: '1.2.3<b>',
    log: { debug: log, info: log, warn: log, error: log },
    notReady: () => [],
    async reload() {
      calls.push('reload');
      return { ok: true };
    },
    async forecast(period) {
      const forecasting = startForecast(view, DEFAULT_POLICY, period);
      for (const location of await store.inventory.locations()) forecasting.note(location);
      return forecasting.result();
    },
    survey,
    externalUrl: () => 'https://notafter.example.com/watch',
    headers: () => new Map(),
    gate: openGate(clock),
    now: clock.now,
    desk: createDesk({ ...store, now: clock.now, newId: () => `silence-${++ids}`, onChange: () => undefined }),
    runbook: readRunbook,
    alertRunbook: createAlertRunbooks({
      store,
      locationsAround: (alert) =>
        locationsAround(alert, {
          ...store,
          successors: view.successors,
          async logins() {
            const { clients } = (await (overrides.survey ?? survey)()).value;
            return [...clients.certain, ...clients.possible];
          },
        }),
      now: clock.now,
      templates: () => new Map(),
    }),
    async testChannel(name) {
      calls.push(`test ${name}`);
      return name === 'mail' ? { ok: true, lines: ['a@example.com: delivered'] } : undefined;
    },
    ...overrides,
  };
  const app = createApp(parts);
  return {
    store,
    parts,
    view,
    policy: DEFAULT_POLICY,
    clock,
    calls,
    logged,
    async ask(path, init = {}) {
      const answer = await app.request(
        `http://${HOST}${path}`,
        { ...init, headers: { host: HOST, ...init.headers } },
        LOCAL,
      );
      return {
        status: answer.status,
        type: answer.headers.get('content-type') ?? '',
        text: await answer.text(),
        headers: answer.headers,
      };
    },
    close: () => store.close(),
  };
}

/** Something of everything: ending, ended, unreadable, silent, shared, used by clients. */
export function exampleFleet(): readonly Location[] {
  const ca = authority('Example Issuing CA', { left: 20 * DAY });
  const anchor = root('Example Root');
  const api = leaf('api.example.com', { left: 5 * DAY });
  const shop = leaf('shop.example.com', { left: 40 * DAY });
  const login = leaf('login.example.com', { left: -2 * DAY });
  const billing = leaf('billing', {
    left: 12 * DAY,
    extendedKeyUsage: ['clientAuth'],
    issuer: 'CN=Partner CA,O=Partner',
  });
  const at = (name: string, host: string, number: number) => ({
    target: `${name}:443`,
    location: `${name}:443@10.0.0.${number}`,
    labels: { owner: host, service: `${host}-api`, env: 'production' },
  });
  const chained = (endpoint: ReturnType<typeof endpointLocation>): ReturnType<typeof endpointLocation> => ({
    ...endpoint,
    chain: {
      ...endpoint.chain,
      unserved: [{ id: anchor.id, title: anchor.title, notAfter: anchor.notAfter, from: 'anchor' }],
    },
  });
  const shopEndpoint = chained(
    endpointLocation([shop, ca], { limitedBy: anchor, ...at('shop.example.com', 'shop', 2) }),
  );
  return [
    chained(endpointLocation([api, ca], { limitedBy: anchor, ...at('api.example.com', 'payments', 1) })),
    showing(
      {
        ...shopEndpoint,
        endpoint: {
          ...shopEndpoint.endpoint,
          serverName: 'shop.example.com',
          requestsClientCertificate: true,
          acceptableIssuers: ['CN=Partner CA,O=Partner'],
        },
      },
      'billing',
      [billing],
      { status: 'accepted', evidence: 'HTTP 200' },
    ),
    endpointLocation([login], { untrusted: true, ...at('login.example.com', 'identity', 3) }),
    fileLocation([
      sighting(
        leaf('partner-client', { left: 70 * DAY, extendedKeyUsage: ['clientAuth'], issuer: 'CN=Partner CA,O=Partner' }),
        {
          role: 'client',
          key: { at: '/etc/ssl/client.key', match: 'yes' },
        },
      ),
      sighting(crl(), { place: 'crl' }),
      sighting(described({ left: 9 * DAY }), { place: 'log' }),
    ]),
    fileLocation([sighting(credential({ left: 3 * DAY }), { place: 'secret' })], {
      source: 'cloud',
      type: 'azure-key-vault',
      target: 'vault',
      location: 'https://vault.example/secrets/billing',
      labels: { owner: 'payments' },
    }),
    fileLocation([], {
      location: '/etc/ssl/broken.pem',
      failure: { reason: 'malformed', detail: 'the file is no certificate' },
      failures: 4,
      problems: [{ reason: 'malformed', detail: 'the file is no certificate' }],
      lastLookAt: NOW,
    }),
  ];
}
