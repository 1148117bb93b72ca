import type { Home } from '../inventory/clients.ts';
import type { KnownItem, Location } from '../inventory/model.ts';
import { clientNameOf } from '../plugin/client.ts';
import { checkCommand, lookCommand } from '../policy/commands.ts';
import { quote } from '../text/shell.ts';
import { placeName } from '../policy/wording.ts';
import { isForeign, replacementByOwner } from './foreign.ts';
import { guideFor } from './guides/choosing.ts';
import type { Material, Spot } from './guides/guide.ts';
import { reloadChoices, whoReads } from './guides/reload.ts';
import { issueAuthority, issueLeaf, issueList, readySuccessor } from './issuing.ts';
import { step, type Phase, type Step } from './model.ts';
import { FILES, PUT, SWAP, work } from './shell.ts';
import type { Situation } from './situation.ts';

/** Places that are spelled out. */
const MAX_SPOTS = 20;
/** Digits of an id that name the work folder. */
const SHORT = 16;

type Phases = Readonly<Record<Phase, readonly Step[]>>;

/** How an item is replaced everywhere: trust stores, then servers, then clients, each place by its own guide. */
export function replacement(item: KnownItem, situation: Situation): Phases {
  if (isForeign(situation)) return replacementByOwner(item, situation, diagnosis(situation, item));
  const spots = spotsOf(item, situation.homes);
  const inPhase = (phase: Phase): readonly Step[] =>
    spots.filter((spot) => phaseOf(spot) === phase).flatMap((spot) => installed(spot, situation));
  const logins = loginEndpoints(situation);
  const isClient = spots.some((spot) => phaseOf(spot) === 'clients') || logins.length > 0;
  return {
    diagnosis: diagnosis(situation, item),
    preparation: [begin(situation, spots), ...spots.flatMap((spot) => guideFor(spot).save(spot))],
    successor: [...successorOf(item, spots, situation), ...(isClient ? rehearse(item, logins) : [])],
    trust: inPhase('trust'),
    servers: inPhase('servers'),
    clients: inPhase('clients'),
    proof: proof(item, spots, situation, logins),
    rollback: spots.flatMap((spot) => guideFor(spot).restore(spot)),
  };
}

/** Looks at every place that is affected, with the tools at hand. */
export function diagnosis(situation: Situation, item?: KnownItem): readonly Step[] {
  const locations = situation.affected.flatMap((place) => place.known ?? []);
  const commands = locations
    .filter((location) => !isShownAlone(location, item))
    .slice(0, MAX_SPOTS)
    .flatMap((location) => lookCommand(location) ?? []);
  return [
    step('See what is there now', {
      commands: [...new Set([...commands, ...(item === undefined ? [] : [`notafter explain ${quote(item.id)}`])])],
    }),
  ];
}

/** Whether the item is at an endpoint as what a client shows there, and as nothing else: who looks there does not see it. */
export function isShownAlone({ sightings }: Location, item: KnownItem | undefined): boolean {
  const here = item === undefined ? [] : sightings.filter((sighting) => sighting.item.id === item.id);
  return here.length > 0 && here.every(({ place }) => clientNameOf(place) !== undefined);
}

function spotsOf(item: KnownItem, homes: readonly Home[]): readonly Spot[] {
  const own = homes.filter(({ sighting }) => clientNameOf(sighting.place) === undefined);
  const stored = own.filter(({ location }) => location.type !== 'endpoint');
  // What is known to lie in a file or a store is replaced there; the wire shows it then.
  const isStored = stored.some(({ sighting }) => sighting.role !== 'trust-anchor');
  const chosen = isStored ? stored : own;
  return chosen
    .map((home): Omit<Spot, 'number'> => ({ home, item, material: materialOf(item, home) }))
    .toSorted((a, b) => rankOf(a.material) - rankOf(b.material))
    .slice(0, MAX_SPOTS)
    .map((spot, index) => ({ ...spot, number: index + 1 }));
}

/** The first place gives the present certificate: one that presents it knows most of it. */
function rankOf(material: Material): number {
  return material === 'anchor' ? 1 : 0;
}

function materialOf(item: KnownItem, { sighting }: Home): Material {
  if (item.kind === 'crl' || item.kind === 'credential') return item.kind;
  const { role, usedBy } = sighting;
  const isTrusted = role === 'trust-anchor' || role === 'issuer';
  const isCa = item.kind === 'certificate' && item.isCa;
  if (isTrusted || (isCa && usedBy?.some(({ type }) => type === 'endpoint') === true)) return 'anchor';
  return isCa || role === 'intermediate' ? 'authority' : 'leaf';
}

function phaseOf({ material, home }: Spot): Phase {
  if (material === 'anchor') return 'trust';
  const { location, sighting } = home;
  const beside = location.sightings.filter(({ place }) => place === sighting.place);
  const isClient =
    sighting.role === 'client' || (material === 'authority' && beside.some(({ role }) => role === 'client'));
  return isClient ? 'clients' : 'servers';
}

function begin(situation: Situation, spots: readonly Spot[]): Step {
  return step('Open one shell for all of it', {
    text: [
      'All commands are for this one shell, in this order; those that touch a file run on the machine that has it. A line like : "${NAME:?…}" wants a value from you and says which.',
    ],
    commands: [
      'umask 077',
      `WORK="$HOME/notafter-${situation.id.slice(0, SHORT).replaceAll(/[^\w-]/g, '_')}"`,
      'mkdir -p "$WORK"',
      `touch ${FILES.oldChain} ${FILES.chain}`,
      PUT,
      ...(spots.some(({ material }) => material === 'authority') ? [SWAP] : []),
    ],
  });
}

function successorOf(item: KnownItem, spots: readonly Spot[], situation: Situation): readonly Step[] {
  switch (item.kind) {
    case 'crl':
      return issueList(item);
    case 'credential':
      return [];
    case 'certificate':
      return item.isCa ? issueAuthority(item, chainFiles(spots)) : issueLeaf(item, spots, situation.successors);
    case 'described':
      return issueLeaf(item, spots, situation.successors);
  }
}

/** PEM files in which the authority stands behind what it signed. */
function chainFiles(spots: readonly Spot[]): readonly string[] {
  return spots
    .filter(
      ({ material, home }) => material === 'authority' && home.location.type === 'file' && home.sighting.index > 0,
    )
    .map(({ home }) => home.location.location);
}

function installed(spot: Spot, situation: Situation): readonly Step[] {
  const ready = readySuccessor(situation.successors);
  if (ready === undefined || spot.home.location.type !== 'endpoint') return guideFor(spot).install(spot);
  return [
    step(`Let the server behind ${placeName(spot.home.location)} read it`, {
      text: [
        `On every node behind the name. Where its config names ${ready.file}, a reload is all it needs. Where it names another file, put the successor there first: cat new.pem and chain.pem of the work folder into it, and new.key into the file of its key.`,
      ],
      commands: [whoReads(ready.file)],
      choices: reloadChoices([ready.file, spot.home.location.target]),
    }),
  ];
}

/** Endpoints where it logs in, that notafter knows how to reach. */
function loginEndpoints({ logins }: Situation): readonly Location[] {
  const endpoints = logins.flatMap(({ endpoint }) => ('sightings' in endpoint ? [endpoint as Location] : []));
  return [...new Set(endpoints)].slice(0, MAX_SPOTS);
}

/** A new client certificate is shown to the servers before anything uses it. */
function rehearse(item: KnownItem, logins: readonly Location[]): readonly Step[] {
  const isLeaf = item.kind === 'certificate' && !item.isCa;
  const checks = logins.flatMap((location) => checkCommand(location) ?? []);
  if (!isLeaf || checks.length === 0) return [];
  return [
    step('Show it to the servers before a client uses it', {
      text: [
        'Each must accept it. Where one knows the client by its subject, serial or fingerprint, or trusts its CA alone, its owner has to be told first.',
      ],
      commands: [
        `cat ${FILES.certificate} ${FILES.chain} > ${work('client.pem')}`,
        ...[...new Set(checks)].map(
          (check) => `${check} --client-cert ${work('client.pem')} --client-key ${FILES.key}`,
        ),
      ],
    }),
  ];
}

function proof(
  item: KnownItem,
  spots: readonly Spot[],
  situation: Situation,
  logins: readonly Location[],
): readonly Step[] {
  const affected = situation.affected.flatMap((place) => place.known ?? []);
  const all = new Set([...spots.map(({ home }) => home.location), ...affected, ...situation.limits]);
  const places = [...all].filter((location) => !logins.includes(location)).slice(0, 2 * MAX_SPOTS);
  const checks = [...new Set(places.flatMap((location) => checkCommand(location) ?? []))];
  const wire = [...new Set(places.filter(({ type }) => type === 'endpoint').flatMap((one) => lookCommand(one) ?? []))];
  const isLeaf = item.kind === 'described' || (item.kind === 'certificate' && !item.isCa);
  return [
    ...(checks.length === 0
      ? []
      : [
          step('Look at each place from outside, as notafter does', {
            text: ['It exits with 0 when nothing is wrong, and looks at every address behind a name.'],
            commands: checks,
          }),
        ]),
    ...(logins.length === 0 ? [] : [login(spots, logins)]),
    ...(wire.length === 0
      ? []
      : [
          step('Look with openssl, too', {
            text: isLeaf ? ['The fingerprints must all be that of the successor.'] : [],
            commands: [
              ...wire,
              ...(isLeaf ? [`openssl x509 -in ${FILES.certificate} -noout -fingerprint -sha256`] : []),
            ],
          }),
        ]),
  ];
}

/** Logs in with the files that the clients read. */
function login(spots: readonly Spot[], logins: readonly Location[]): Step {
  const files = spots
    .filter((spot) => phaseOf(spot) === 'clients')
    .flatMap(({ home }) => {
      const { key } = home.sighting;
      const path = home.location.location;
      return key !== undefined && path.startsWith('/') && /\.(?:pem|crt|cer)$/i.test(path)
        ? [`--client-cert ${quote(path)} --client-key ${quote(key.at)}`]
        : [];
    });
  const checks = [...new Set(logins.flatMap((location) => checkCommand(location) ?? []))];
  return step('Log in with what the clients have now', {
    text: ['Each login must be accepted.'],
    commands:
      files.length === 0
        ? checks
        : checks.flatMap((check) => [...new Set(files)].map((options) => `${check} ${options}`)),
  });
}
