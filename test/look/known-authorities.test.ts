import { afterEach, beforeEach, expect, test } from 'vitest';

import { readAuthorities } from '../../src/look/known-authorities.ts';
import { createLookScenario, saw, scripted, sourceOf, type LookScenario } from '../helpers/look-scenario.ts';
import { createAuthority } from '../helpers/pki.ts';

let scenario: LookScenario;
beforeEach(async () => {
  scenario = await createLookScenario();
});
afterEach(() => scenario.store.close());

test('the authorities that endpoints sent are read from the store: no leaves, not even self-signed ones, nothing from files', async () => {
  const root = createAuthority({ name: 'Root' });
  const issuing = createAuthority({ name: 'Issuing', parent: root });
  const filed = createAuthority({ name: 'In a file', parent: root });
  const leaf = issuing.issue();
  const printer = createAuthority({ name: 'printer.lan' });
  const served = [leaf, issuing.certificate, root.certificate];
  const source = sourceOf(scripted([]));
  await scenario.store.transaction((tx) =>
    tx.inventory.saveTarget({ source: source.name, key: 't', labels: {}, data: null }, scenario.clock.at),
  );
  const recording = await scenario.recorder.begin(source, { key: 't', data: null }, 1n);
  await recording.add([
    saw('/etc/ssl/ca.pem', [filed.certificate]),
    saw('api.example.com:443@10.0.0.7', served, {
      endpoint: {
        address: '10.0.0.7',
        port: 443,
        handshake: 'hello',
        chain: served.map(({ fingerprint }) => fingerprint),
        acceptableIssuers: [],
        verdicts: [],
      },
    }),
    saw('printer.lan:443@10.0.0.8', [printer.certificate], {
      endpoint: {
        address: '10.0.0.8',
        port: 443,
        handshake: 'hello',
        chain: [printer.certificate.fingerprint],
        acceptableIssuers: [],
        verdicts: [],
      },
    }),
  ]);

  const found = await readAuthorities(scenario.store.inventory);

  expect(found.map(({ fingerprint }) => fingerprint)).toEqual(
    [issuing, root].map(({ certificate }) => certificate.fingerprint),
  );
});
