import { setImmediate } from 'node:timers/promises';

import type { InventoryReader } from '../inventory/port.ts';
import { startForecast, type Forecast, type Period } from '../policy/forecast.ts';
import type { Policy } from '../policy/policy.ts';
import type { InventoryView } from '../policy/view.ts';

/** The forecast for everything that is known, a page at a time: other work of the process goes on between two pages. */
export async function forecastAll(
  inventory: InventoryReader,
  view: InventoryView,
  policy: Policy,
  period: Period,
): Promise<Forecast> {
  const forecasting = startForecast(view, policy, period);
  let page = await inventory.locationsAfter(0);
  while (page.length > 0) {
    for (const location of page) forecasting.note(location);
    await setImmediate();
    page = await inventory.locationsAfter(page.at(-1)?.id ?? Infinity);
  }
  return forecasting.result();
}
