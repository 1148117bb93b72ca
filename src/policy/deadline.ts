import type {
  ChainFigures,
  DescribedCertificate,
  KnownCertificate,
  KnownItem,
  Location,
  Sighting,
} from '../inventory/model.ts';
import { admittingAuthority, clientNameOf, presentedBy } from '../plugin/client.ts';
import { SEVERITIES, type Severity } from '../plugin/notification.ts';
import { endsAt, kindOf, lifetimeMs, thresholdsFor, type Kind } from './kind.ts';
import { policyFor, type Policy, type Settings, type Thresholds } from './policy.ts';
import { isCertificate, servedBy, servedPath, type CertificateSighting } from './served.ts';
import { worst } from './severity.ts';
import { thresholdMs } from './threshold.ts';
import type { InventoryView } from './view.ts';

/** The rules that tell of an end. */
export type EndRule =
  'expired' | 'expiring' | 'trust-anchor-expiring' | 'crl-expiring' | 'credential-expiring' | 'client-will-fail';

/** A client identity that is shown to an endpoint. */
export interface FailingClient {
  readonly name: string;
  readonly leaf: CertificateSighting;
}

/** From so long before the end on, the severity is at least this. */
interface Step {
  readonly beforeMs: number;
  readonly severity: Severity;
}

/** One item of a location whose end matters there, and what is to be told of it as time passes. */
export interface Deadline {
  readonly item: KnownItem;
  readonly kind: Kind;
  /** Where in the location it was seen; absent for a certificate of the chain that was not served. */
  readonly sighting?: Sighting;
  readonly endsAt: number;
  /** In the order of time. */
  readonly steps: readonly Step[];
  /** The certificate whose clients fail when this one ends: the leaf of the chain that it cuts short. */
  readonly limits?: KnownItem;
  /** The client that the endpoint rejects from that end on. */
  readonly client?: FailingClient;
  /** It is sent beside the path: nobody who takes the path needs it. */
  readonly isExtra?: true;
}

/** What is to be told of a deadline at an instant. */
export interface Stage {
  readonly rule: EndRule;
  readonly severity: Severity;
}

/**
 * The deadlines of a location. What an endpoint serves is judged as a chain: the leaf, and the authorities on the path
 * that clients take, one of which may cut the chain short; what is served beside the path is worth a note at most. What
 * a client identity presents there is judged likewise. Everything else is judged item by item.
 */
export function deadlinesOf(location: Location, view: InventoryView, policy: Policy): readonly Deadline[] {
  const { chain, sightings } = location;
  const served = chain === undefined ? [] : servedBy(location);
  const deadlines: Deadline[] = chain === undefined ? [] : [...chainDeadlines(location, chain, served, view, policy)];
  const ids = served.length === 0 ? undefined : new Set<Sighting>(served);
  const settings = policy.overrides.length === 0 ? policyFor(policy, location) : undefined;
  let hasClients = false;
  for (const sighting of sightings) {
    if (clientNameOf(sighting.place) !== undefined) hasClients = true;
    else if (ids?.has(sighting) !== true) {
      const deadline = itemDeadline(location, sighting, view, settings ?? policyFor(policy, location, sighting));
      if (deadline !== undefined) deadlines.push(deadline);
    }
  }
  if (!hasClients) return deadlines;
  for (const [name, presented] of presentedBy(sightings)) {
    deadlines.push(...clientDeadlines(location, name, presented, view, policy));
  }
  return deadlines;
}

/** What is to be told of the deadline now; `undefined` while it is far away. */
export function stageAt(deadline: Deadline, now: number): Stage | undefined {
  let severity: Severity | undefined;
  for (const step of deadline.steps) {
    if (deadline.endsAt - step.beforeMs > now) break;
    severity = severity === undefined ? step.severity : worst(severity, step.severity);
  }
  if (severity === undefined) return undefined;
  // Its successor lies beside it, and nobody has to do anything.
  const isLeftover = now >= deadline.endsAt && deadline.sighting?.supersededBy !== undefined;
  return { rule: ruleOf(deadline, now), severity: isLeftover ? 'info' : severity };
}

/** The next instant at which `stageAt` may give something else. */
export function nextStepAt(deadline: Deadline, now: number): number | undefined {
  for (const { beforeMs } of deadline.steps) {
    const at = deadline.endsAt - beforeMs;
    if (at > now) return at;
  }
  return undefined;
}

/** The instants at which something else is told of the deadline, with the severity from then on; in the order of time. */
export function stepsOf({
  endsAt: end,
  steps,
}: Deadline): readonly { readonly at: number; readonly severity: Severity }[] {
  return steps.map(({ beforeMs, severity }) => ({ at: end - beforeMs, severity }));
}

function ruleOf(deadline: Deadline, now: number): EndRule {
  const ended = now >= deadline.endsAt;
  switch (deadline.kind) {
    case 'leaf':
    case 'authority':
      return ended ? 'expired' : early(deadline, 'expiring');
    case 'trust-anchor':
      return ended ? 'expired' : early(deadline, 'trust-anchor-expiring');
    case 'credential':
      return ended ? 'expired' : 'credential-expiring';
    case 'crl':
      return 'crl-expiring';
  }
}

function early(deadline: Deadline, rule: EndRule): EndRule {
  return deadline.client === undefined ? rule : 'client-will-fail';
}

function itemDeadline(
  { type }: Pick<Location, 'type'>,
  sighting: Sighting,
  view: InventoryView,
  settings: Settings,
): Deadline | undefined {
  const { item, supersededBy } = sighting;
  const at = endsAt(item);
  if (at === undefined) return undefined;
  const kind = kindOf(sighting);
  // A bundle of public roots holds old ones for decades; only the vendor of the bundle can change that.
  const isBystander =
    (kind === 'authority' || kind === 'trust-anchor') && view.isPublicRoot(item.id) && sighting.usedBy === undefined;
  const steps = isBystander ? AT_THE_END : stepsTo(item, thresholdsFor(kind, item, settings));
  // A store knows which of its own take each other's place; of files that is a guess until one has ended.
  const isReplaced = supersededBy !== undefined && type !== 'file';
  return { item, kind, sighting, endsAt: at, steps: isReplaced ? noted(steps) : steps };
}

function noted(steps: readonly Step[]): readonly Step[] {
  return steps.map(({ beforeMs }) => ({ beforeMs, severity: 'info' }));
}

function chainDeadlines(
  location: Location,
  chain: ChainFigures,
  served: readonly CertificateSighting[],
  view: InventoryView,
  policy: Policy,
): readonly Deadline[] {
  const leaf = served.find((sighting) => sighting.item.id === chain.leaf.by);
  const path = new Set([
    ...(chain.bestPathItems ?? chain.servedPathItems ?? (leaf === undefined ? [] : servedPath(leaf.item, served))),
    chain.effective.by,
  ]);
  const deadlines = served.flatMap((sighting): readonly Deadline[] => {
    const { item } = sighting;
    const at = endsAt(item);
    if (at === undefined) return [];
    if (sighting === leaf) {
      return [
        {
          item,
          kind: 'leaf',
          sighting,
          endsAt: at,
          steps: stepsTo(item, thresholdsFor('leaf', item, policyFor(policy, location, sighting))),
        },
      ];
    }
    const kind = item.selfIssued ? 'trust-anchor' : 'authority';
    const thresholds = thresholdsFor(kind, item, policyFor(policy, location, sighting));
    if (!path.has(item.id)) {
      return [{ item, kind, sighting, endsAt: at, steps: besideSteps(item, thresholds, view), isExtra: true }];
    }
    const limits = item.id === chain.effective.by && leaf !== undefined ? { limits: leaf.item } : {};
    return [{ item, kind, sighting, endsAt: at, steps: stepsTo(item, thresholds), ...limits }];
  });
  return [...deadlines, ...unservedLimit(location, chain, served, leaf?.item, policy)];
}

/**
 * Every certificate from a client's leaf up to the last that it sends takes the client down at its end; what is sent
 * beside that path is worth a note at most.
 */
function clientDeadlines(
  location: Location,
  name: string,
  presented: readonly Sighting[],
  view: InventoryView,
  policy: Policy,
): readonly Deadline[] {
  const certificates = presented.filter(isCertificate);
  const leaf = certificates.find(({ role }) => role === 'client');
  if (leaf === undefined) {
    return presented.flatMap(
      (sighting) => itemDeadline(location, sighting, view, policyFor(policy, location, sighting)) ?? [],
    );
  }
  const path = servedPath(leaf.item, certificates);
  const own = presented.flatMap((sighting): readonly Deadline[] => {
    const { item } = sighting;
    const at = endsAt(item);
    if (at === undefined) return [];
    const kind = item.id === leaf.item.id ? 'leaf' : kindOf(sighting);
    const thresholds = thresholdsFor(kind, item, policyFor(policy, location, sighting));
    return path.has(item.id)
      ? [{ item, kind, sighting, endsAt: at, steps: stepsTo(item, thresholds), client: { name, leaf } }]
      : [{ item, kind, sighting, endsAt: at, steps: besideSteps(item, thresholds, view), isExtra: true }];
  });
  return [...own, ...authorityDeadline(location, { name, leaf }, path, certificates, view, policy)];
}

/** The CA in the server's trust store that lets the client in, where the client does not send it itself. */
function authorityDeadline(
  location: Location,
  client: FailingClient,
  path: ReadonlySet<string>,
  presented: readonly CertificateSighting[],
  view: InventoryView,
  policy: Policy,
): readonly Deadline[] {
  const links = presented.map(({ item }) => item).filter(({ id }) => path.has(id));
  const item = admittingAuthority(links, view.clientAuthorities(location));
  const at = item === undefined ? undefined : endsAt(item);
  if (item === undefined || at === undefined || path.has(item.id)) return [];
  const kind = item.selfIssued ? 'trust-anchor' : 'authority';
  const settings = policyFor(policy, location, { role: 'trust-anchor' });
  const steps = stepsTo(item, thresholdsFor(kind, item, settings));
  return [{ item, kind, endsAt: at, steps, limits: client.leaf.item, client }];
}

/** The certificate that limits the chain though the server did not send it. */
function unservedLimit(
  location: Location,
  chain: ChainFigures,
  served: readonly CertificateSighting[],
  leaf: KnownCertificate | undefined,
  policy: Policy,
): readonly Deadline[] {
  const { at, by } = chain.effective;
  if (at === null || served.some((sighting) => sighting.item.id === by)) return [];
  const item = chain.limitedBy?.id === by ? chain.limitedBy : nameless(by, at);
  if (endsAt(item) === undefined) return [];
  const kind = item.kind === 'certificate' && item.selfIssued ? 'trust-anchor' : 'authority';
  const settings = policyFor(policy, location, { role: kind === 'trust-anchor' ? 'trust-anchor' : 'intermediate' });
  const steps = stepsTo(item, thresholdsFor(kind, item, settings));
  return [{ item, kind, endsAt: at, steps, ...(leaf === undefined ? {} : { limits: leaf }) }];
}

/** Stands for a certificate of which only the fingerprint and the end are known. */
function nameless(id: string, at: number): DescribedCertificate {
  return { kind: 'described', id, title: id, sha256: id, names: [], notAfter: { status: 'known', at } };
}

/** Nobody can do anything before. */
const AT_THE_END: readonly Step[] = [{ beforeMs: 0, severity: 'info' }];

/** Lifetimes for which steps are kept, of one set of thresholds: most certificates live as long as very many others. */
const MAX_LIFETIMES = 1_000;
const stepsByLifetime = new WeakMap<Thresholds, Map<number | undefined, readonly Step[]>>();

function stepsTo(item: KnownItem, thresholds: Thresholds): readonly Step[] {
  const lifetime = lifetimeMs(item);
  let known = stepsByLifetime.get(thresholds);
  if (known === undefined) stepsByLifetime.set(thresholds, (known = new Map()));
  let steps = known.get(lifetime);
  if (steps === undefined) {
    if (known.size >= MAX_LIFETIMES) known.clear();
    known.set(lifetime, (steps = toSteps(lifetime, thresholds)));
  }
  return steps;
}

function toSteps(lifetime: number | undefined, thresholds: Thresholds): readonly Step[] {
  const steps: Step[] = [{ beforeMs: 0, severity: 'critical' }];
  for (const severity of SEVERITIES) {
    const threshold = thresholds[severity];
    if (threshold !== undefined) steps.push({ beforeMs: thresholdMs(threshold, lifetime), severity });
  }
  return steps.toSorted((a, b) => b.beforeMs - a.beforeMs);
}

/** Clients do not need what is served beside their path; only some old ones trip over it. */
function besideSteps(item: KnownItem, thresholds: Thresholds, view: InventoryView): readonly Step[] {
  const noticeMs =
    thresholds.warning === undefined || view.isPublicRoot(item.id)
      ? 0
      : thresholdMs(thresholds.warning, lifetimeMs(item));
  return [
    { beforeMs: noticeMs, severity: 'info' },
    { beforeMs: 0, severity: 'info' },
  ];
}
