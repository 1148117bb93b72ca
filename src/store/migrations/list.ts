import { initial } from './0001-initial.ts';
import { facts } from './0002-facts.ts';
import { transcripts } from './0003-transcripts.ts';
import { alerting } from './0004-alerting.ts';
import { catalogue } from './0005-catalogue.ts';
import { sightingsInUse } from './0006-sightings-in-use.ts';
import { cluster } from './0007-cluster.ts';
import { history } from './0008-history.ts';
import { alertVersions } from './0009-alert-versions.ts';
import type { Migration } from './migration.ts';

/** Every step in order: the version of a schema is the number of steps that were taken. */
export const migrations: readonly Migration[] = [
  initial,
  facts,
  transcripts,
  alerting,
  catalogue,
  sightingsInUse,
  cluster,
  history,
  alertVersions,
];
