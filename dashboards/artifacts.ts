import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';

import { renderAlertRules } from './alert-rules.ts';
import { health } from './health.ts';
import { location } from './location.ts';
import { mtls } from './mtls.ts';
import { overview } from './overview.ts';
import { pictureOf } from './picture.ts';
import { renderRecordingRules } from './recording-rules.ts';

/** The dashboards, by the name of their file. */
export function dashboards(): ReadonlyMap<string, Dashboard> {
  return new Map([
    ['overview', overview()],
    ['mtls', mtls()],
    ['location', location()],
    ['health', health()],
  ]);
}

/** What is generated from the code of this folder: file name in `generated/` → content. */
export function artifacts(): ReadonlyMap<string, string> {
  return new Map([
    ['alerts.yaml', renderAlertRules()],
    ['recording.yaml', renderRecordingRules()],
    ...Array.from(dashboards()).flatMap(([name, dashboard]): [string, string][] => [
      [`${name}.json`, `${JSON.stringify(dashboard, undefined, 2)}\n`],
      [`${name}.svg`, pictureOf(dashboard)],
    ]),
  ]);
}
