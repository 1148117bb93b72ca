import type { Home } from '../inventory/clients.ts';
import type { KnownItem } from '../inventory/model.ts';
import { endsAt } from '../policy/kind.ts';
import { counted, ending, placeName, titleOf, utc } from '../policy/wording.ts';
import { safeText } from '../text/safe-text.ts';
import { quote } from '../text/shell.ts';
import { step, type Phase, type Step } from './model.ts';
import type { Situation } from './situation.ts';

const MAX_PLACES = 10;
const MAX_USES = 5;
const MAX_TEXT = 300;

/** Whether an item is known by its use alone: somebody else has it, and nobody here can replace it. */
export function isForeign({ homes }: Situation): boolean {
  return homes.length > 0 && homes.every(({ sighting }) => sighting.use !== undefined);
}

/** What it is used for where it was seen, a clause for each place. */
export function usesOf({ homes }: Situation): readonly string[] {
  return homes.flatMap(({ sighting }) => {
    const { use } = sighting;
    if (use === undefined) return [];
    const what = use.by
      .slice(0, MAX_USES)
      .map(({ reference, count }) => `${safeText(reference.id, { max: MAX_TEXT })} (${counted(count, 'time')})`);
    const total = `${counted(use.count, 'call')} from ${utc(use.firstAt)} to ${utc(use.lastAt)}`;
    return [what.length === 0 ? total : `${total}: ${what.join(', ')}`];
  });
}

/** How somebody else's client gets its successor: by its owner, with the server ready for it before. */
export function replacementByOwner(
  item: KnownItem,
  situation: Situation,
  diagnosis: readonly Step[],
): Readonly<Record<Phase, readonly Step[]>> {
  const { now } = situation;
  const homes = situation.homes.slice(0, MAX_PLACES);
  const end = endsAt(item);
  return {
    diagnosis,
    preparation: [],
    successor: [
      step('Write to the owner of the client', {
        text: [
          `It is not ours: who calls with it has the key. Tell them which certificate it is, and what fails with it:`,
          `${titleOf(item)}${end === undefined ? '' : ` ${ending(end, now)}`}; ${identityOf(item)}.`,
          ...usesOf(situation).map((use) => `Seen in use: ${use}.`),
          'Ask for the successor itself (the certificate, never the key), who issues it, and the day from which it will be used.',
        ],
      }),
    ],
    trust: [
      step('Let the servers take the successor before it is used', {
        text: [
          'Its issuer has to be in the trust store by which they judge clients. Where one knows the client by its subject, serial number or fingerprint, the new one has to be added beside the old one.',
        ],
      }),
    ],
    servers: [],
    clients: [
      step('Let the owner put it into use', {
        text: ['The old one goes on working until its end: nothing has to happen at one moment.'],
      }),
    ],
    proof: [
      step('See the successor in use', {
        text: ['It must be there with calls of its own, and the old one no more after the grace of the source.'],
        commands: [...new Set(homes.map(command))],
      }),
    ],
    rollback: [],
  };
}

function command({ location }: Home): string {
  return `notafter explain ${quote(placeName(location))}`;
}

function identityOf(item: KnownItem): string {
  switch (item.kind) {
    case 'certificate':
      return `serial ${item.serial}, issued by ${item.issuer}, SHA-256 ${item.id}`;
    case 'described':
      return [
        ...(item.serial === undefined ? [] : [`serial ${item.serial}`]),
        ...(item.issuer === undefined ? [] : [`issued by ${item.issuer}`]),
        ...(item.sha256 === undefined ? [] : [`SHA-256 ${item.sha256}`]),
        ...(item.sha1 === undefined ? [] : [`SHA-1 ${item.sha1}`]),
      ].join(', ');
    case 'crl':
    case 'credential':
      return titleOf(item);
  }
}
