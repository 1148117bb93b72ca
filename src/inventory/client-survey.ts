import { clientNameOf } from '../plugin/client.ts';
import { namesOfEndpoint } from '../plugin/endpoint-name.ts';
import { endpointsUsing, type ClientTrust } from './client-trust.ts';
import { clientOutlooks, type Clients } from './clients.ts';
import type { Location, Sighting } from './model.ts';

/**
 * Joins clients and endpoints of an inventory that comes by one location at a time. Of each only what is about clients is
 * kept, so that memory grows by their number.
 */
export interface ClientSurvey {
  note(location: Location): void;
  /** Whether places say that a client is used at an endpoint that `note` may have passed over: all is to be shown again. */
  wantsEndpoints(): boolean;
  /** The second time. */
  noteEndpoint(location: Location): void;
  result(): Clients;
}

export function startClientSurvey(trust: Pick<ClientTrust, 'authoritiesAt'>): ClientSurvey {
  const kept = new Map<number, Location>();
  const authorities = new Set<string>();
  const used = new Set<string>();

  function isAboutClients({ item, place, role }: Sighting): boolean {
    if (role === 'client' || clientNameOf(place) !== undefined) return true;
    if (item.kind !== 'certificate' || !item.isCa || authorities.has(item.id)) return false;
    authorities.add(item.id);
    return true;
  }

  return {
    note(location) {
      const sightings = location.sightings.filter(isAboutClients);
      const { acceptableIssuers = [], verdicts = [] } = location.endpoint ?? {};
      if (sightings.length === 0 && acceptableIssuers.length === 0 && verdicts.length === 0) return;
      kept.set(location.id, { ...location, sightings });
      for (const sighting of sightings) {
        if (sighting.role === 'client') for (const name of endpointsUsing(sighting)) used.add(name);
      }
    },
    wantsEndpoints: () => used.size > 0,
    noteEndpoint(location) {
      if (kept.has(location.id)) return;
      const isUsed = [...namesOfEndpoint(location)].some((name) => used.has(name));
      if (isUsed) kept.set(location.id, { ...location, sightings: [] });
    },
    result: () => clientOutlooks([...kept.values()], trust),
  };
}
