import type { CredentialSummary, RolesAnywhereClient, SubjectSummary } from '@aws-sdk/client-rolesanywhere';

import type { AwsLook } from '../../src/cloud/aws.ts';
import { type HeldChain, readChain } from '../../src/cloud/held.ts';
import {
  attempt,
  endsLook,
  gone,
  listCut,
  missingFrom,
  problemOf,
  unchanged,
  versionOf,
} from '../../src/cloud/observation.ts';
import { CollectError } from '../../src/plugin/error.ts';
import type { Observation, Problem } from '../../src/plugin/observation.ts';
import { loginEndpoint, PAGE_SIZE } from './endpoint.ts';

type RolesModule = typeof import('@aws-sdk/client-rolesanywhere');

const DAY_MS = 86_400_000;
/** A certificate that ended so long ago, with nothing newer since, is not missed by anybody. */
const FORGOTTEN_AFTER_MS = 90 * DAY_MS;
/** A certificate that was seen within this time is in use. */
const IN_USE_MS = 7 * DAY_MS;

/**
 * Who logs in: a subject with the certificates that it has shown. Of these the newest is what it uses now; an older one
 * whose successor was seen is nobody's loss when it ends.
 */
export async function* observeSubjects(
  look: AwsLook,
  roles: RolesModule,
): AsyncGenerator<Observation, void, undefined> {
  const client = look.client(roles.RolesAnywhereClient);
  const gaps: Problem[] = [];
  let stopped: CollectError | undefined;
  const pages = look.pages({ action: 'rolesanywhere:ListSubjects' }, async (token, options) => {
    const page = await client.send(
      new roles.ListSubjectsCommand({ pageSize: PAGE_SIZE, ...(token === undefined ? {} : { nextToken: token }) }),
      options,
    );
    return { items: page.subjects, next: page.nextToken };
  });
  for await (const page of pages) {
    if (page.kind === 'cut') {
      gaps.push(listCut('ListSubjects', page.error));
      continue;
    }
    for (const subject of page.items) {
      const given = await observeSubject(look, roles, client, subject, stopped);
      if (given instanceof CollectError) {
        if (stopped === undefined) gaps.push(listCut('GetSubject', given));
        // What all are denied is told once, and of whom nothing was asked, nothing is known to be gone.
        stopped = given;
      } else if (given !== undefined) yield given;
    }
  }
  yield* missingFrom(look.here, gaps);
}

async function observeSubject(
  look: AwsLook,
  roles: RolesModule,
  client: RolesAnywhereClient,
  subject: SubjectSummary,
  stopped: CollectError | undefined,
): Promise<Observation | CollectError | undefined> {
  const { subjectArn: location, subjectId, enabled, lastSeenAt, updatedAt } = subject;
  if (location === undefined || subjectId === undefined) return undefined;
  const version = versionOf(lastSeenAt?.toISOString() ?? '-', { enabled, updatedAt });
  if (look.known.version(location) === version) return unchanged(location, version);
  if (stopped !== undefined) return stopped;

  const call = { action: 'rolesanywhere:GetSubject', of: location };
  const answer = await attempt(
    look.call(call, (options) => client.send(new roles.GetSubjectCommand({ subjectId }), options)),
  );
  if (answer instanceof CollectError) {
    if (answer.reason === 'not_found') return gone(location);
    if (answer.reason === 'permission_denied' || endsLook(answer)) return answer;
    return { location, items: [], problems: [problemOf('credentials', answer)] };
  }
  const isEnabled = enabled !== false;
  const read = await Promise.all(
    (answer.subject?.credentials ?? []).map((credential) => readCredential(look, credential, isEnabled)),
  );
  const kept = keepCurrent(
    read.filter(({ enabled: isUsed }) => isUsed),
    look.now,
  );
  const problems = read.flatMap(({ held }) => held.problems);
  return {
    location,
    ...(problems.length === 0 ? { version } : {}),
    items: kept,
    problems,
    ...(isEnabled ? {} : { labels: { enabled: 'false' } }),
  };
}

interface Shown {
  readonly held: HeldChain;
  readonly place: string;
  readonly enabled: boolean;
  /** Milliseconds; 0 where the certificate cannot be read. */
  readonly endsAt: number;
  /** Milliseconds; 0 where it is not told. */
  readonly seenAt: number;
}

async function readCredential(
  look: AwsLook,
  { serialNumber = '', x509CertificateData = '', enabled, seenAt }: CredentialSummary,
  isEnabled: boolean,
): Promise<Shown> {
  const place = `${serialNumber}/certificate`;
  const held = await readChain(
    look.context,
    { certificate: x509CertificateData },
    {
      role: 'client',
      renewal: { mode: 'unknown' },
      ...(isEnabled ? { usedBy: [loginEndpoint(look)] } : {}),
    },
    `${serialNumber}/`,
  );
  const end = held.leaf?.notAfter;
  const endsAt = end?.status === 'known' ? end.at : end?.status === 'never' ? Infinity : 0;
  return { held, place, enabled: enabled !== false, endsAt, seenAt: seenAt?.getTime() ?? 0 };
}

/** The newest certificate of a subject, and older ones until they have ended. */
function keepCurrent(shown: readonly Shown[], now: number): Observation['items'] {
  const [newest, ...older] = shown.toSorted((a, b) => b.endsAt - a.endsAt);
  if (newest === undefined || newest.endsAt < now - FORGOTTEN_AFTER_MS) return [];
  const isInForce = newest.endsAt > now;
  return [
    ...newest.held.items,
    ...older
      .filter(({ endsAt }) => endsAt > now)
      .flatMap(({ held, seenAt }) =>
        // Several machines may share a subject: what was seen of late is in use, whatever else is.
        held.items.map((item) =>
          isInForce && seenAt < now - IN_USE_MS ? { ...item, supersededBy: newest.place } : item,
        ),
      ),
  ];
}
