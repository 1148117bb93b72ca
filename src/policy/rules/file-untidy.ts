import { proveIt, seeIt } from '../advice.ts';
import { itemFacts } from '../facts.ts';
import type { Assessment } from '../finding.ts';
import { locationCause, NOTHING, type Subject } from '../subject.ts';
import { counted, placeName, titleOf } from '../wording.ts';

/** Items that are named; how many more there are is said. */
const MAX_NAMED = 5;

/** What lies there can be read, but is not written as the programs that use it expect. */
export function fileUntidy({ location }: Subject): Assessment {
  if (!location.sightings.some(({ remarks }) => remarks !== undefined)) return NOTHING;
  const told = location.sightings.flatMap((sighting) =>
    sighting.remarks === undefined ? [] : [{ sighting, text: sighting.remarks.join('; ') }],
  );
  const [first] = told;
  if (first === undefined) return NOTHING;
  const clauses = told.slice(0, MAX_NAMED).map(({ sighting, text }) => `${titleOf(sighting.item)}: ${text}`);
  const more = told.length - clauses.length;
  const place = placeName(location);
  return {
    findings: [
      {
        rule: 'file-untidy',
        family: 'deployment',
        severity: 'info',
        cause: locationCause(location),
        title: place,
        summary: `${location.type === 'file' ? `Programs may not take what is at ${place} as it is` : `Not all is as it should be at ${place}`}: ${clauses.join('; ')}${more > 0 ? `; and ${counted(more, 'other')}` : ''}`,
        facts: itemFacts(first.sighting.item, first.sighting),
        actions: [
          ...seeIt(location),
          location.type === 'file'
            ? 'Write the file anew as PEM, each block with its BEGIN and END lines and lines of 64 characters: the certificate first, then each issuer behind what it issued, each once'
            : 'Do what the remark says, or find out who changes what is there',
          proveIt(location),
        ],
      },
    ],
  };
}
