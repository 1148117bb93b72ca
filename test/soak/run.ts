/*
 * npm run soak -- NAME [--count N] [--seed N]
 *
 * Long versions of tests, too long for every change. A run that was interrupted goes on where it was when it is started
 * again with the same arguments.
 */
import { parseArgs } from 'node:util';

import { soakAll } from './all.ts';
import { soakAlerts } from './alerts.ts';
import { soakChains } from './chains.ts';
import { soakCluster } from './cluster.ts';
import { soakDamage } from './damage.ts';
import { soakFormats } from './formats.ts';
import { soakReload } from './reload.ts';
import { soakTls } from './tls.ts';
import { soakYear } from './year.ts';

export interface SoakOptions {
  readonly count: number | undefined;
  readonly seed: number | undefined;
}

const SOAKS: Readonly<Record<string, (options: SoakOptions) => Promise<void>>> = {
  all: (options) =>
    soakAll(
      [
        { name: 'damage', count: 40, run: soakDamage },
        { name: 'reload', count: 40, run: soakReload },
        { name: 'formats', count: 50_000, run: soakFormats },
        { name: 'chains', count: 5_000, run: soakChains },
        { name: 'tls', count: 2_000, run: soakTls },
      ],
      options,
    ),
  alerts: soakAlerts,
  chains: soakChains,
  cluster: soakCluster,
  damage: soakDamage,
  formats: soakFormats,
  reload: soakReload,
  tls: soakTls,
  year: soakYear,
};

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { count: { type: 'string' }, seed: { type: 'string' } },
});
const [name = ''] = positionals;
const soak = SOAKS[name];
if (soak === undefined) {
  process.stderr.write(`there is no soak test "${name}"; there are: ${Object.keys(SOAKS).join(', ')}\n`);
  process.exit(1);
}
await soak({ count: numberOf(values.count), seed: numberOf(values.seed) });

function numberOf(text: string | undefined): number | undefined {
  return text === undefined ? undefined : Number.parseInt(text, 10);
}
