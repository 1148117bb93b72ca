import type { SigningCertificate, User } from '@aws-sdk/client-iam';

import type { AwsLook } from '../../src/cloud/aws.ts';
import { readChain } from '../../src/cloud/held.ts';
import { endsLook, listCut, missingFrom } from '../../src/cloud/observation.ts';
import { readAll } from '../../src/cloud/paging.ts';
import type { CollectError } from '../../src/plugin/error.ts';
import type { Observation, Problem } from '../../src/plugin/observation.ts';

type IamModule = typeof import('@aws-sdk/client-iam');

const PAGE_SIZE = 1000;

/** One call for each user, of whom an account has up to 5000: with less, a look would not end in time. */
const RATE = { perSecond: 10, concurrency: 4 };

/**
 * The certificates by which users sign requests. IAM tells no end of them, and does not care for it: the programs that
 * sign do. A location is the user.
 */
export async function* observeSigningCertificates(
  look: AwsLook,
  iam: IamModule,
): AsyncGenerator<Observation, void, undefined> {
  const client = look.client(iam.IAMClient);
  const gaps: Problem[] = [];
  const users = look.pages({ action: 'iam:ListUsers' }, async (Marker, options) => {
    const page = await client.send(new iam.ListUsersCommand({ Marker, MaxItems: PAGE_SIZE }), options);
    return { items: page.Users, next: page.IsTruncated === true ? page.Marker : undefined };
  });
  let missed: CollectError | undefined;
  let isOver = false;
  for await (const page of users) {
    if (page.kind === 'cut') {
      gaps.push(listCut('ListUsers', page.error));
      continue;
    }
    for (const user of page.items) {
      if (isOver) break;
      const failures: CollectError[] = [];
      const call = { action: 'iam:ListSigningCertificates', of: `the user ${user.UserName}`, rate: RATE };
      const certificates = await readAll(
        look.pages(call, async (Marker, options) => {
          const command = new iam.ListSigningCertificatesCommand({ UserName: user.UserName, Marker });
          const answer = await client.send(command, options);
          return { items: answer.Certificates, next: answer.IsTruncated === true ? answer.Marker : undefined };
        }),
        (error) => failures.push(error),
      );
      // One that was deleted meanwhile signs nothing.
      const failure = failures.find(({ reason }) => reason !== 'not_found');
      if (failure !== undefined) {
        missed ??= failure;
        // What all are denied is asked for no more.
        if (failure.reason === 'permission_denied' || endsLook(failure)) isOver = true;
      }
      if (certificates.length > 0) yield await observeUser(look, user, certificates);
    }
  }
  // Of whom it was not asked, nothing is known: they are not to be withdrawn.
  if (missed !== undefined) gaps.push(listCut('ListSigningCertificates', missed));
  yield* missingFrom(look.here, gaps);
}

async function observeUser(
  look: AwsLook,
  user: User,
  certificates: readonly SigningCertificate[],
): Promise<Observation> {
  const held = await Promise.all(
    certificates.map(({ CertificateBody = '', CertificateId = '', Status }) =>
      readChain(
        look.context,
        { certificate: CertificateBody },
        {
          role: 'signer',
          renewal: { mode: 'manual' },
          // One that is switched off signs nothing, and is kept for the day when the other one is lost.
          ...(Status === 'Inactive' ? { labels: { enabled: 'false' } } : {}),
        },
        `${CertificateId}/`,
      ),
    ),
  );
  return {
    location: user.Arn ?? `iam:user/${user.UserName}`,
    items: held.flatMap(({ items }) => items),
    problems: held.flatMap(({ problems }) => problems),
  };
}
