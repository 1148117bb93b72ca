import { deployClient, proveLogin, renewIt } from '../advice.ts';
import { clientsShownTo, clientsText, judgedAt, type ShownClient } from '../client.ts';
import { itemFacts } from '../facts.ts';
import type { Assessment, Finding } from '../finding.ts';
import { endsAt, startsAt } from '../kind.ts';
import type { Subject } from '../subject.ts';
import { diagnose, type Diagnosis } from '../verdict.ts';
import { ending, fullNameOf, placeName, targetName, titleOf, utc } from '../wording.ts';

/**
 * A rehearsal was rejected: what logs in with this client certificate fails now. Where it is rejected because it has
 * ended, or something above it has, the cause is that end, so that all who hear of the end hear of this too.
 */
export function clientRejected(subject: Subject): Assessment {
  const rejected = clientsShownTo(subject.location, subject.view).filter(
    ({ verdict }) => verdict?.status === 'rejected',
  );
  const byCause = Map.groupBy(rejected, ({ leaf, endedBy }) => (endedBy ?? leaf).item.id);
  return {
    findings: [...byCause.values()].flatMap(([first, ...others]) =>
      first === undefined ? [] : [toFinding([first, ...others], subject)],
    ),
  };
}

function toFinding(clients: readonly [ShownClient, ...ShownClient[]], subject: Subject): Finding {
  const { location } = subject;
  const speaker = clients.find(({ endedBy }) => endedBy !== undefined) ?? clients[0];
  const item = (speaker.endedBy ?? speaker.leaf).item;
  const at = speaker.endedBy === undefined ? undefined : endsAt(item);
  const { why, actions } = explain(speaker, subject);
  return {
    rule: 'client-rejected',
    family: at === undefined ? 'client' : 'expiry',
    severity: 'critical',
    cause: item.id,
    title: titleOf(item),
    summary: `${targetName(location)} rejects ${clientsText(clients)}: ${why}, at ${placeName(location)}`,
    ...(at === undefined ? {} : { endsAt: at }),
    facts: [
      ...clients.flatMap(({ name, leaf, verdict }) => [
        { name: `Client ${name}`, value: fullNameOf(leaf.item) },
        { name: 'Verdict', value: `rejected: ${verdict?.reason ?? 'no reason given'}, ${utc(judgedAt(location))}` },
        ...(verdict === undefined || verdict.evidence === '' ? [] : [{ name: 'Evidence', value: verdict.evidence }]),
      ]),
      ...itemFacts(item, speaker.endedBy === undefined ? speaker.leaf : speaker.endedBy.sighting),
    ],
    actions: [...actions, proveLogin(location, speaker.leaf)],
  };
}

/** Why, as far as the certificate and the reason tell, and what helps. */
function explain(client: ShownClient, subject: Subject): { readonly why: string; readonly actions: readonly string[] } {
  const { name, leaf, endedBy, verdict } = client;
  const { location, now } = subject;
  const said = verdict?.reason ?? 'no reason given';
  const end = endedBy === undefined ? undefined : endsAt(endedBy.item);
  if (endedBy !== undefined && end !== undefined) {
    const isOwn = endedBy.item.id === leaf.item.id;
    const above = isOwn ? '' : endedBy.sighting === undefined ? ' in the trust store of the server' : ' above it';
    return {
      why: `${fullNameOf(endedBy.item)}${above} ${ending(end, now)} (${said})`,
      actions: isOwn
        ? [renewIt(leaf.item, leaf), deployClient(name, leaf)]
        : [
            `Ask the owner of ${titleOf(endedBy.item)} for its successor, and the owner of ${targetName(location)} to trust the root above it`,
            `Reissue the certificate of client ${name} under the successor`,
            deployClient(name, leaf),
          ],
    };
  }
  const { meaning, action } = early(client, location) ?? diagnose(verdict?.reason ?? null);
  return { why: `${said}, ${meaning}`, actions: [action] };
}

/** The one fault beside an end that the dates show. */
function early({ leaf }: ShownClient, location: Subject['location']): Diagnosis | undefined {
  const startAt = startsAt(leaf.item);
  if (startAt === undefined || startAt <= judgedAt(location)) return undefined;
  return {
    meaning: `it becomes valid only at ${utc(startAt)}`,
    action:
      'Put the previous certificate of the client back until then; compare the clock of the CA that issued the new one with true UTC',
  };
}
