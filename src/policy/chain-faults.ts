import type { ChainFigures, KnownDistrust, Location } from '../inventory/model.ts';
import type { Fact } from './facts.ts';
import { servedBy, type CertificateSighting } from './served.ts';
import type { InventoryView } from './view.ts';
import { counted, fullNameOf } from './wording.ts';

/** Certificates that are named; how many more there are is said. */
const MAX_NAMED = 5;

/** What is wrong with a list as it was sent, a clause each. */
export function listFaults({ list }: ChainFigures, served: readonly CertificateSighting[]): readonly string[] {
  if (list === undefined) return [];
  const named = (ids: readonly string[]): string => {
    const titles = ids.map((id) => served.find(({ item }) => item.id === id)?.item.title ?? id);
    const more = titles.length - MAX_NAMED;
    return `${titles.slice(0, MAX_NAMED).join(', ')}${more > 0 ? ` and ${counted(more, 'other')}` : ''}`;
  };
  return [
    ...(list.isOutOfOrder ? ['it is out of order'] : []),
    ...(list.repeated.length === 0 ? [] : [`sent more than once: ${named(list.repeated)}`]),
    ...(list.unrelated.length === 0 ? [] : [`sent for no reason: ${named(list.unrelated)}`]),
  ];
}

/** What is wrong with a chain, a clause each; empty where clients take it as it is. When it ends is told elsewhere. */
export function chainFaults(chain: ChainFigures, served: readonly CertificateSighting[]): readonly string[] {
  const { distrust, host } = chain;
  const missing = missingOf(chain).join(', ');
  return [
    ...(missing === '' ? [] : [`not sent, though clients need it: ${missing}`]),
    ...(missing !== '' || distrust === undefined ? [] : [`no trusted root: ${distrustText(distrust)}`]),
    ...(chain.isExhausted === true && distrust === undefined ? ['the search for a better path met its limits'] : []),
    ...(host?.match === 'no' ? [`not for ${host.name}`] : []),
    ...listFaults(chain, served),
  ];
}

/** The intermediates that the server leaves out, by name. */
export function missingOf({ distrust, unserved = [] }: ChainFigures): readonly string[] {
  return distrust?.why === 'incomplete'
    ? [distrust.issuer]
    : unserved.filter(({ from }) => from === 'elsewhere').map(({ title }) => title);
}

/** Where issuers that the server leaves out were found, when they were looked for. */
export function fetchedIssuers(location: Location, view: InventoryView): readonly Fact[] {
  return servedBy(location)
    .flatMap(({ item }) => view.facts(item.id))
    .flatMap((fact) =>
      fact.kind === 'issuer'
        ? [{ name: 'To be had at', value: `${fact.url}: ${fullNameOf(fact.issuer)}, ${fact.issuer.id}` }]
        : [],
    );
}

/** Why no trusted root was reached, as a clause. */
export function distrustText(distrust: KnownDistrust): string {
  const { why, issuer, isPublic, breach } = distrust;
  const logged = isPublic ? ', though a public CA issued it' : '';
  switch (why) {
    case 'self-signed':
      return 'it is self-signed';
    case 'unknown-root':
      return `the root ${issuer} is not trusted${logged}`;
    case 'unknown-issuer':
    case 'incomplete':
      return `${issuer} is neither served nor trusted${logged}`;
    case 'exhausted':
      return 'it was not found within the limits of the search (8 certificates, 64 signatures), so there may be one';
    case 'breach':
      return breach === undefined ? 'it breaks a rule' : breachText(breach);
  }
}

function breachText({ rule, title, what = '' }: NonNullable<KnownDistrust['breach']>): string {
  switch (rule) {
    case 'not-yet-valid':
      return `${title} is not valid yet`;
    case 'critical-extension':
      return `${title} holds the critical extension ${what}, which clients do not know`;
    case 'no-authority':
      return `${title} is no CA and must not issue`;
    case 'key-usage':
      return `the key usage of ${title} does not allow it to sign certificates`;
    case 'path-length':
      return `${title} allows fewer CAs below itself`;
    case 'extended-key-usage':
      return `the extended key usage of ${title} does not allow servers`;
    case 'name-constraints':
      return `${title} is not allowed to issue for ${what}`;
  }
}
