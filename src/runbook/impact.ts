import type { ClientOutlook, Home } from '../inventory/clients.ts';
import type { Reference } from '../plugin/item.ts';
import { endsAt } from '../policy/kind.ts';
import { counted, ending, placeName, titleOf, utc } from '../policy/wording.ts';
import { safeText } from '../text/safe-text.ts';
import { isForeign, usesOf } from './foreign.ts';
import type { Impact, RunbookLogin } from './model.ts';
import type { Situation } from './situation.ts';

/** What breaks, for whom and when, by what is known of servers and clients. */
export function impactOf(situation: Situation): Impact {
  const { item, limits, homes, affected, now } = situation;
  const earliest = affected
    .flatMap(({ findings }) => findings.map((finding) => finding.endsAt))
    .filter((at) => at !== undefined);
  const end =
    (item === undefined ? undefined : endsAt(item)) ?? (earliest.length === 0 ? undefined : Math.min(...earliest));
  const users = homes.flatMap(({ sighting }) =>
    usersOf(sighting, situation).map(({ id }) => safeText(id, { max: 300 })),
  );
  const services = [...new Set([...limits.map((location) => placeName(location)), ...users])];
  const logins = [
    ...situation.logins.map((outlook) => loginOf(outlook, 'certain')),
    ...situation.possibleLogins.map((outlook) => loginOf(outlook, 'possible')),
  ];
  return {
    ...(end === undefined ? {} : { endsAt: end }),
    services,
    logins,
    sentences: sentences(situation, end, services, logins, now),
  };
}

/** An endpoint fails for the client that logs in there, and for nobody else: that is a login, and no service. */
function usersOf({ role, usedBy = [] }: Home['sighting'], { logins }: Situation): readonly Reference[] {
  return role === 'client' && logins.length > 0 ? usedBy.filter(({ type }) => type !== 'endpoint') : usedBy;
}

function sentences(
  situation: Situation,
  end: number | undefined,
  services: readonly string[],
  logins: readonly RunbookLogin[],
  now: number,
): readonly string[] {
  const { item, affected } = situation;
  const certain = logins.filter(({ certainty }) => certainty === 'certain').length;
  const when = end === undefined ? 'Now' : end > now ? `On ${utc(end)}` : `Since ${utc(end)}`;
  return [
    ...(item === undefined || end === undefined ? [] : [`${titleOf(item)} ${ending(end, now)}.`]),
    ...(item?.kind === 'crl'
      ? [`${when} every server that checks clients against this list rejects all of them, however valid they are.`]
      : []),
    ...(services.length === 0
      ? []
      : [`${when} ${counted(services.length, 'service')} ${services.length === 1 ? 'fails' : 'fail'} for everybody.`]),
    ...(certain === 0 ? [] : [`${when} ${counted(certain, 'login')} ${certain === 1 ? 'is' : 'are'} rejected.`]),
    ...(logins.length > certain
      ? ['Logins that are only possible were not rehearsed: the server names their issuer.']
      : []),
    ...usesOf(situation).map((use) => `${when} its calls fail. Seen: ${use}.`),
    ...(services.length === 0 && logins.length === 0 && !isForeign(situation)
      ? [
          `Nothing that notafter watches is known to use it; ask the owners of the ${counted(affected.length, 'place')} below.`,
        ]
      : []),
  ];
}

function loginOf(
  { client, name, endpoint, outageAt }: ClientOutlook,
  certainty: RunbookLogin['certainty'],
): RunbookLogin {
  return { client: name ?? client.title, endpoint: placeName(endpoint), failsAt: outageAt, certainty };
}
