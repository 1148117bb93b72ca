import { renderAlertRules } from './alert-rules.ts';
import { overview } from './overview.ts';

/** What is generated from the code of this folder: file name in `generated/` → content. */
export function artifacts(): ReadonlyMap<string, string> {
  return new Map([
    ['alerts.yaml', renderAlertRules()],
    ['overview.json', `${JSON.stringify(overview(), undefined, 2)}\n`],
  ]);
}
