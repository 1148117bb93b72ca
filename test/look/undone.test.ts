import { expect, test } from 'vitest';

import { createLookScenario, DAY, HOUR, saw, scripted, sourceOf, START } from '../helpers/look-scenario.ts';
import { selfSigned, type TestCertificate } from '../helpers/pki.ts';

const SOURCE = sourceOf(scripted([]));
const TARGET = { key: 'api', data: null };

/** One of 90 days that begins so many days after the start. */
function from(days: number, names: readonly string[]): TestCertificate {
  const notBefore = new Date(START + days * DAY);
  return selfSigned({
    commonName: 'api.example',
    names: [...names],
    notBefore,
    notAfter: new Date(notBefore.getTime() + 90 * DAY),
  });
}

test('what is known of the last renewal is known still after a transaction that failed', async () => {
  const scenario = await createLookScenario();
  const { store, recorder, clock } = scenario;
  await store.transaction((tx) =>
    tx.inventory.saveTarget({ source: SOURCE.name, key: TARGET.key, labels: {}, data: null }, START),
  );
  const look = async (...certificates: readonly TestCertificate[]): Promise<void> => {
    clock.at += HOUR;
    const recording = await recorder.begin(SOURCE, TARGET, BigInt(clock.at));
    await recording.add([saw('api:443', certificates)]);
    await recording.finish();
  };
  const old = from(-60, ['api.example', 'www.example']);
  const renewed = from(0, ['api.example']);
  await look(old);
  await look(renewed);
  expect((await scenario.alert('renewal-regression'))?.state).toBe('open');

  scenario.beforeTelling = () => {
    throw new Error('disk full');
  };
  await expect(look(renewed, from(1, ['other.example']))).rejects.toThrow('disk full');
  scenario.beforeTelling = () => {};
  for (let round = 0; round < 4; round += 1) await look(renewed);
  expect((await scenario.alert('renewal-regression'))?.state).toBe('open');
  await store.close();
});
