import type { Assessment } from '../finding.ts';
import { policyFor } from '../policy.ts';
import { NOTHING, sourceCause, type Subject } from '../subject.ts';
import { placeName } from '../wording.ts';

/** The label that names whom to call. */
const OWNER = 'owner';

/** Nobody is named who would renew what is there: when it ends, the search begins. Off unless the config asks for it. */
export function unowned({ location, policy }: Subject): Assessment {
  const { unowned: level } = policyFor(policy, location);
  const isEmpty = location.sightings.length === 0;
  if (level === 'off' || isEmpty || location.labels[OWNER] !== undefined) return NOTHING;
  if (location.sightings.every(({ labels }) => labels?.[OWNER] !== undefined)) return NOTHING;
  return {
    findings: [
      {
        rule: 'unowned',
        family: 'coverage',
        severity: level,
        cause: sourceCause(location),
        title: `source ${location.source}`,
        summary: `Source ${location.source} holds certificates without an owner: nobody is named who would renew them, at ${placeName(location)}`,
        facts: [{ name: 'Source', value: location.source }],
        actions: [
          `Give source ${location.source} labels: {owner: …}, or its targets labels of their own`,
          'In a cloud or a cluster, tag or label the things themselves with owner',
        ],
      },
    ],
  };
}
