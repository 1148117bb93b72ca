import { deployClient, proveLogin, renewIt } from '../advice.ts';
import { clientsText, clientsShownTo } from '../client.ts';
import type { Deadline, FailingClient } from '../deadline.ts';
import { toldByRejection } from '../ending.ts';
import { itemFacts, type Fact } from '../facts.ts';
import type { Assessment, Finding } from '../finding.ts';
import type { Severity } from '../../plugin/notification.ts';
import type { Location } from '../../inventory/model.ts';
import type { Verdict } from '../../plugin/observation.ts';
import { worst } from '../severity.ts';
import { assessment, type Subject } from '../subject.ts';
import { ending, fullNameOf, placeName, targetName, titleOf } from '../wording.ts';

/** A certificate of which the end takes clients down, with those clients. */
interface Threat {
  readonly deadline: Deadline;
  readonly severity: Severity;
  readonly clients: readonly FailingClient[];
}

/**
 * The certificate of a client that is shown to the endpoint, or one above it, has crossed a threshold: the day is known
 * on which this endpoint begins to reject it. The cause is the certificate that ends, wherever else it lives.
 */
export function clientWillFail(subject: Subject): Assessment {
  const due = subject.due.filter(({ stage }) => stage.rule === 'client-will-fail');
  if (due.length === 0) return assessment([], subject.nextStepAt);
  const threats = new Map<string, Threat>();
  const isTold = toldByRejection(subject);
  for (const { deadline, stage } of due) {
    if (deadline.client === undefined || isTold(deadline)) continue;
    const known = threats.get(deadline.item.id);
    threats.set(deadline.item.id, {
      deadline: known?.deadline ?? deadline,
      severity: known === undefined ? stage.severity : worst(known.severity, stage.severity),
      clients: [...(known?.clients ?? []), deadline.client],
    });
  }
  return assessment(
    [...threats.values()].map((threat) => toFinding(threat, subject)),
    subject.nextStepAt,
  );
}

function toFinding({ deadline, severity, clients }: Threat, subject: Subject): Finding {
  const { location, now } = subject;
  const { item, endsAt } = deadline;
  const fails = `${deadline.sighting === undefined ? 'it is in the trust store that decides about clients, and ' : ''}from then on ${targetName(location)} rejects ${clientsText(clients)}${todayText(clients, subject)}`;
  return {
    rule: 'client-will-fail',
    family: 'expiry',
    severity,
    cause: item.id,
    title: titleOf(item),
    summary: `${fullNameOf(item)} ${ending(endsAt, now)}: ${fails}, at ${placeName(location)}`,
    endsAt,
    facts: [...itemFacts(item, deadline.sighting), ...clientFacts(clients, subject)],
    actions: replaceForClients(deadline, clients, subject.location),
  };
}

/** Nothing, unless they are all rejected today already, for another reason. */
function todayText(clients: readonly FailingClient[], subject: Subject): string {
  const verdicts = verdictsOf(subject);
  const today = clients.map(({ name }) => verdicts.get(name));
  if (!today.every((verdict) => verdict?.status === 'rejected')) return '';
  return ` (today already: ${[...new Set(today.map((verdict) => verdict?.reason ?? 'no reason given'))].join(', ')})`;
}

function verdictsOf({ location, view }: Subject): ReadonlyMap<string, Verdict | undefined> {
  return new Map(clientsShownTo(location, view).map(({ name, verdict }) => [name, verdict]));
}

/** Who breaks, and what the endpoint says to them today. */
function clientFacts(clients: readonly FailingClient[], subject: Subject): readonly Fact[] {
  const verdicts = verdictsOf(subject);
  return clients.map(({ name, leaf }) => {
    const verdict = verdicts.get(name);
    const today =
      verdict === undefined
        ? 'not rehearsed'
        : `today ${verdict.status}${verdict.reason === null ? '' : `: ${verdict.reason}`}`;
    return { name: `Client ${name}`, value: `${fullNameOf(leaf.item)}, ${today}` };
  });
}

/** How the certificate of clients, or one above it, is replaced, before its end or after it. */
export function replaceForClients(
  deadline: Deadline,
  clients: readonly FailingClient[],
  location: Location,
): readonly string[] {
  const [client] = clients;
  if (client === undefined) return [];
  const { item, kind } = deadline;
  const name = titleOf(item);
  const target = targetName(location);
  const login = proveLogin(location, client.leaf);
  if (kind === 'leaf') {
    return [
      `${renewIt(item, deadline.sighting)}; it needs clientAuth in its extended key usage`,
      ...clients.map((one) => deployClient(one.name, one.leaf)),
      `If ${target} knows the client by its subject, serial or fingerprint, tell its owner before the new one is used`,
      login,
    ];
  }
  if (deadline.sighting === undefined) {
    // It is not the client's: the server has it in its trust store.
    return [
      `A new certificate for ${clientsText(clients)} from ${name} does not help: ${target} lets in whom ${name} vouches for, and only until it ends`,
      `Ask the owner of ${name} for its successor, and the owner of ${target} to add it to the trust store beside ${name}, and to keep both until every client has changed`,
      `Then reissue ${clientsText(clients)} under the successor`,
      login,
    ];
  }
  return [
    `A new certificate for ${clientsText(clients)} from ${name} alone does not help: ${name} ends first`,
    `Ask the owner of ${name} for its successor, and the owner of ${target} to trust the root above it before anything is signed by it`,
    `Then reissue ${clientsText(clients)} under the successor, and send the successor behind the new certificate`,
    login,
  ];
}
