import { clientNameOf } from '../plugin/client.ts';
import { namesOfEndpoint } from '../plugin/endpoint-name.ts';
import type { KnownCertificate, Location } from './model.ts';

/** One address behind a name, and what it serves. */
export interface Node {
  readonly locationId: number;
  readonly location: string;
  readonly leaf: KnownCertificate;
  /** When that was first seen there. */
  readonly firstSeenAt: number;
  /** Whether the last look at it failed: it may serve something else by now. */
  readonly isOutOfSight: boolean;
}

interface Endpoint {
  readonly target: string;
  readonly names: readonly string[];
  readonly hosts: readonly string[];
  readonly node?: Node;
}

/** Endpoints by the names that mean them, and the addresses behind each of their targets. In memory. */
export class EndpointIndex {
  private readonly endpoints = new Map<number, Endpoint>();
  private readonly byTarget = new Map<string, Set<number>>();
  private readonly byName = new Map<string, Set<number>>();
  /** Hosts that somebody looks at, and the domains right above them. */
  private readonly hosts = new Map<string, number>();
  private readonly parents = new Map<string, number>();

  /** Takes note of a location as it is now. Gives the other addresses of its target when what is served here changed. */
  note(location: Location): ReadonlySet<number> {
    const before = this.endpoints.get(location.id);
    if (location.endpoint === undefined) return before === undefined ? new Set() : this.forget(location.id);
    const node = nodeOf(location);
    const names = [...namesOfEndpoint(location)];
    const target = targetOf(location);
    const isMoved = before?.target !== target || before.names.join(' ') !== names.join(' ');
    if (before !== undefined && isMoved) this.unlink(location.id, before);
    const endpoint: Endpoint = {
      target,
      names,
      hosts: isMoved ? [...new Set(names.map((name) => hostOf(name)))] : before.hosts,
      ...(node === undefined ? {} : { node }),
    };
    this.endpoints.set(location.id, endpoint);
    if (isMoved) this.link(location.id, endpoint);
    const isNews = !isSame(before?.node, node);
    return isNews ? this.siblings(location.id, target) : new Set();
  }

  forget(locationId: number): ReadonlySet<number> {
    const before = this.endpoints.get(locationId);
    if (before === undefined) return new Set();
    this.unlink(locationId, before);
    this.endpoints.delete(locationId);
    return this.siblings(locationId, before.target);
  }

  /** The other addresses of its target that were seen to serve something. */
  nodesBeside(location: Location): readonly Node[] {
    const target = this.endpoints.get(location.id)?.target ?? targetOf(location);
    const all = this.byTarget.get(target);
    if (all === undefined || all.size < 2) return [];
    return [...all].flatMap((id) => (id === location.id ? [] : (this.endpoints.get(id)?.node ?? [])));
  }

  /** Endpoints that a reference of this name means. */
  named(name: string): Iterable<number> {
    return this.byName.get(name) ?? [];
  }

  /** Whether some endpoint is looked at by this name of a certificate; for a wildcard, one right below it. */
  isWatched(name: string): boolean {
    const lower = name.toLowerCase();
    return lower.startsWith('*.') ? this.parents.has(lower.slice(2)) : this.hosts.has(lower);
  }

  private siblings(locationId: number, target: string): ReadonlySet<number> {
    const all = this.byTarget.get(target);
    if (all === undefined || all.size === 0 || (all.size === 1 && all.has(locationId))) return new Set();
    const others = new Set(all);
    others.delete(locationId);
    return others;
  }

  private link(id: number, { target, names, hosts }: Endpoint): void {
    insert(this.byTarget, target, id);
    for (const name of names) insert(this.byName, name, id);
    for (const host of hosts) {
      count(this.hosts, host, 1);
      count(this.parents, parentOf(host), 1);
    }
  }

  private unlink(id: number, { target, names, hosts }: Endpoint): void {
    erase(this.byTarget, target, id);
    for (const name of names) erase(this.byName, name, id);
    for (const host of hosts) {
      count(this.hosts, host, -1);
      count(this.parents, parentOf(host), -1);
    }
  }
}

function nodeOf(location: Location): Node | undefined {
  const id = location.endpoint?.chain[0];
  const sighting = location.sightings.find(({ item, place }) => item.id === id && clientNameOf(place) === undefined);
  if (sighting?.item.kind !== 'certificate') return undefined;
  return {
    locationId: location.id,
    location: location.location,
    leaf: sighting.item,
    firstSeenAt: sighting.firstSeenAt,
    isOutOfSight: location.failure !== undefined,
  };
}

function isSame(a: Node | undefined, b: Node | undefined): boolean {
  return a?.leaf.id === b?.leaf.id && a?.isOutOfSight === b?.isOutOfSight;
}

function targetOf({ source, target }: Location): string {
  return `${source}\n${target}`;
}

function hostOf(name: string): string {
  return name.replace(/:\d+$/, '');
}

function parentOf(host: string): string {
  return host.slice(host.indexOf('.') + 1);
}

function insert(sets: Map<string, Set<number>>, key: string, id: number): void {
  const set = sets.get(key);
  if (set === undefined) sets.set(key, new Set([id]));
  else set.add(id);
}

function erase(sets: Map<string, Set<number>>, key: string, id: number): void {
  const set = sets.get(key);
  set?.delete(id);
  if (set?.size === 0) sets.delete(key);
}

function count(counts: Map<string, number>, key: string, by: number): void {
  const now = (counts.get(key) ?? 0) + by;
  if (now > 0) counts.set(key, now);
  else counts.delete(key);
}
