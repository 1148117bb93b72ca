import type { KnownItem, Location } from '../inventory/model.ts';
import { checkCommand } from '../policy/commands.ts';
import { placeName, titleOf } from '../policy/wording.ts';
import { safeText } from '../text/safe-text.ts';
import { isForeign } from './foreign.ts';
import { impactOf } from './impact.ts';
import { step, type Phase, type Runbook, type RunbookPlace, type Step } from './model.ts';
import { diagnosis, isShownAlone, replacement } from './replacement.ts';
import { given } from './shell.ts';
import type { Situation } from './situation.ts';

/** Places that are listed. */
const MAX_PLACES = 100;
/** Steps of findings that are listed. */
const MAX_ACTIONS = 30;
/** Rules outside the families of ends and renewals after which a new certificate is needed. */
const REPLACING: ReadonlySet<string> = new Set(['revoked', 'not-deployed']);
/** A successor like the present certificate would have the same fault. */
const REPAIRING: ReadonlySet<string> = new Set(['renewal-regression']);

/** What to do, with the real names. Pure. */
export function buildRunbook(situation: Situation): Runbook {
  const { id, state, severity, rules, title, affected, item } = situation;
  const places = placesOf(situation);
  return {
    id,
    title,
    state,
    ...(severity === undefined ? {} : { severity }),
    rules,
    sources: [...new Set(affected.map(({ source }) => source))],
    summary: affected[0]?.findings[0]?.summary ?? (item === undefined ? '' : 'Nobody has to be told of it yet.'),
    meaning: meaningOf(situation),
    impact: impactOf(situation),
    places: places.slice(0, MAX_PLACES),
    placeCount: places.length,
    owners: ownersOf(situation),
    phases:
      item !== undefined && needsReplacement(situation) ? replacement(item, situation) : byFindings(situation, item),
    closing: closingOf(situation),
  };
}

function needsReplacement({ state, family, rules }: Situation): boolean {
  if (state === 'no alert' || family === 'expiry') return true;
  if (rules.some((rule) => REPAIRING.has(rule))) return false;
  return family === 'renewal' || rules.some((rule) => REPLACING.has(rule));
}

/** Where something has to be repaired and nothing replaced: what the findings say, each thing once. */
function byFindings(situation: Situation, item: KnownItem | undefined): Readonly<Record<Phase, readonly Step[]>> {
  const actions = [
    ...new Set(situation.affected.flatMap(({ findings }) => findings.flatMap((finding) => finding.actions))),
  ];
  const known = situation.affected.flatMap((place) => place.known ?? []);
  const steps = actions.slice(0, MAX_ACTIONS).map((action) => step(action));
  const isAboutClient = situation.family === 'client';
  return {
    diagnosis: diagnosis(situation, item),
    preparation: [],
    successor: [],
    trust: [],
    servers: isAboutClient ? [] : steps,
    clients: isAboutClient ? steps : [],
    proof: proofAt(known, item),
    rollback: [
      step('Keep a copy of each file before you change it, and bring it back when the change makes things worse'),
    ],
  };
}

/** Looks at the places, and logs in where the item is what a client shows there. */
function proofAt(locations: readonly Location[], item: KnownItem | undefined): readonly Step[] {
  const shown = new Set(locations.filter((location) => isShownAlone(location, item)));
  const looks = checksAt(locations.filter((location) => !shown.has(location)));
  const logins = checksAt([...shown]);
  return [
    ...(looks.length === 0 ? [] : [step('Look at each place, as notafter does', { commands: looks })]),
    ...(logins.length === 0
      ? []
      : [
          step('Log in with what the client has now', {
            text: ['Each login must be accepted.'],
            commands: [
              given('CLIENT_CERT', 'the file that the client has its certificate in'),
              given('CLIENT_KEY', 'the file that the client has its key in'),
              ...logins.map((check) => `${check} --client-cert "$CLIENT_CERT" --client-key "$CLIENT_KEY"`),
            ],
          }),
        ]),
  ];
}

function checksAt(locations: readonly Location[]): readonly string[] {
  return [...new Set(locations.flatMap((location) => checkCommand(location) ?? []))].slice(0, MAX_PLACES);
}

function placesOf({ affected, homes, limits }: Situation): readonly RunbookPlace[] {
  const places = new Map<string, RunbookPlace>();
  const keyOf = (source: string, location: string): string => `${source}\n${location}`;
  for (const { source, location, labels, findings } of affected) {
    const own = homes.find((home) => home.location.source === source && home.location.location === location);
    places.set(keyOf(source, location), {
      source,
      location: placeName({ location }),
      role: own?.sighting.role ?? 'affected',
      ...owner(labels['owner']),
      summary: findings[0]?.summary ?? '',
    });
  }
  for (const { location, sighting } of homes) {
    const key = keyOf(location.source, location.location);
    if (places.has(key)) continue;
    const named = location.labels['owner'] ?? sighting.labels?.['owner'];
    const { source } = location;
    places.set(key, { source, location: placeName(location), role: sighting.role, ...owner(named), summary: '' });
  }
  for (const location of limits) {
    const key = keyOf(location.source, location.location);
    if (places.has(key)) continue;
    const { source, labels } = location;
    places.set(key, {
      source,
      location: placeName(location),
      role: 'fails with it',
      ...owner(labels['owner']),
      summary: '',
    });
  }
  return [...places.values()];
}

function owner(name: string | undefined): Pick<RunbookPlace, 'owner'> {
  return name === undefined || name === '' ? {} : { owner: safeText(name, { max: 100 }) };
}

function ownersOf(situation: Situation): readonly string[] {
  return [...new Set(placesOf(situation).flatMap((place) => place.owner ?? []))];
}

/** What the pages of the rules say first, and what their meaning begins with. */
function meaningOf({ rules, pages, item, title }: Situation): readonly string[] {
  const told = rules.flatMap((rule) => openingOf(pages.get(rule) ?? ''));
  return told.length > 0 ? told : [`How to replace ${item === undefined ? title : titleOf(item)} when its time comes.`];
}

/** The sentence below the title of a page. */
export function openingOf(page: string): readonly string[] {
  const [, opening] = /^# [^\n]*\n+([^\n#][^\n]*)/.exec(page) ?? [];
  return opening === undefined ? [] : [opening.replaceAll(/\[([^\]]*)\]\([^)]*\)|[`*_]/g, '$1').trim()];
}

function closingOf(situation: Situation): readonly string[] {
  switch (situation.state) {
    case 'resolved':
      return ['It is resolved: nothing is left to do.'];
    case 'withdrawn':
      return ['What it was about is gone; nothing was seen to be fixed.'];
    case 'no alert':
      return ['When the next looks find the successor at every place, it is done.'];
    case 'open':
      if (isForeign(situation)) {
        return [
          'The alert resolves by itself once the successor is in use and the old one has not been for the grace of the source. That nobody calls resolves nothing.',
        ];
      }
      return [
        'The alert resolves by itself, after good looks in a row at each place it names. A new certificate in a file or a store resolves nothing at a server: its own place has to show it.',
        'Remove the folder with the old keys then: rm -r "$WORK". Remove an old authority from trust stores when nothing is left that it signed.',
      ];
  }
}
