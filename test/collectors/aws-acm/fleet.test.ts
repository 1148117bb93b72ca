import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { awsAcm } from '../../../collectors/aws-acm/index.ts';
import { identify } from '../../../collectors/aws-acm/description.ts';
import type { Collector, Known } from '../../../src/plugin/collector.ts';
import type { Context } from '../../../src/plugin/context.ts';
import { lookAt } from '../../contract/aws-collector.ts';
import { deafContext, NOTHING_KNOWN } from '../../contract/collector.ts';
import { useAwsEnvironment } from '../../helpers/aws-environment.ts';
import { type AcmCertificate, type FakeAws, startFakeAws } from '../../helpers/fake-aws.ts';
import { createAuthority } from '../../helpers/pki.ts';

const collector = awsAcm as unknown as Collector;
const REGION = 'eu-west-1';
const DAY = 86_400_000;
const NOW = deafContext().clock.now();
const COUNT = 10_000;

const leaf = createAuthority({ name: 'Root' }).issue({ names: ['api.example.com'] });

function certificate(id: number, left: number): AcmCertificate {
  return {
    arn: `arn:aws:acm:${REGION}:111122223333:certificate/${id}`,
    domain: 'api.example.com',
    pem: leaf.pem,
    notBefore: new Date(NOW + (left - 198) * DAY),
    notAfter: new Date(NOW + left * DAY),
    eligibility: 'ELIGIBLE',
  };
}

/** What the collector said of a certificate when it looked last, as far as the list tells. */
function versionOf({ notBefore, notAfter }: AcmCertificate): string {
  const listed = { Status: 'ISSUED', NotBefore: notBefore, NotAfter: notAfter, InUse: false } as const;
  return `${identify({ ...listed, RenewalEligibility: 'ELIGIBLE' })};0123456789abcdef`;
}

describe('10 000 certificates', () => {
  useAwsEnvironment();
  let aws: FakeAws;
  let fleet: AcmCertificate[];

  beforeEach(async () => {
    aws = await startFakeAws();
    fleet = Array.from({ length: COUNT }, (_, id) => certificate(id, 150));
    aws.certificates.set(REGION, fleet);
  });

  afterEach(async () => {
    await aws[Symbol.asyncDispose]();
  });

  const look = (known: Known, context?: Context) =>
    lookAt(collector, { regions: [REGION], endpoint: aws.url, tags: [] }, REGION, context, known);

  function counted(): Readonly<Record<string, number>> {
    const counts: Record<string, number> = {};
    for (const operation of aws.operations()) counts[operation] = (counts[operation] ?? 0) + 1;
    return counts;
  }

  it('cost a call for each thousand, and details of what changed or may be being renewed', async () => {
    const renewed = [17, 4711, 9999];
    const near = [0, 5000];
    for (const id of near) fleet[id] = certificate(id, 40);
    const versions = new Map(fleet.map((one) => [one.arn, versionOf(one)]));
    // What was near its end at the last look, too, costs the details alone: these two were all there was then.
    aws.certificates.set(
      REGION,
      fleet.filter((_, id) => near.includes(id)),
    );
    for (const { location, version = '' } of await look(NOTHING_KNOWN)) versions.set(location, version);
    aws.certificates.set(REGION, fleet);
    for (const id of renewed) fleet[id] = certificate(id, 198);
    aws.requests.splice(0);

    const observations = await look({ version: (arn) => versions.get(arn), checkpoint: undefined });

    expect(counted()).toEqual({
      ListCertificates: COUNT / 1000,
      DescribeCertificate: renewed.length + near.length,
      GetCertificate: renewed.length,
    });
    expect(observations).toHaveLength(COUNT);
    expect(observations.filter(({ unchanged }) => unchanged !== true)).toHaveLength(renewed.length);
  });

  it('are all known from the first look on, with details for as many as there is time', async () => {
    const observations = await look(NOTHING_KNOWN, outOfTimeAfter(3));

    expect(observations).toHaveLength(COUNT + 1);
    expect(observations.slice(0, COUNT).every(({ items }) => items.length === 1)).toBe(true);
    // That there was no time is told once, and not ten thousand times.
    expect(observations.slice(0, COUNT).every(({ problems }) => problems.length === 0)).toBe(true);
    expect(observations.at(-1)).toMatchObject({
      location: `acm:${REGION}`,
      problems: [{ reason: 'partial', detail: expect.stringContaining('the rest follows') as unknown }],
    });
    expect(counted()['DescribeCertificate']).toBeLessThan(10);
  });

  /** A clock by which the time for details is up after so many certificates. */
  function outOfTimeAfter(count: number): Context {
    let now = NOW;
    let described = 0;
    aws.intercept = ({ operation }) => {
      if (operation === 'GetCertificate' && ++described >= count) now = NOW + 11 * 60_000;
      return undefined;
    };
    return { ...deafContext(), clock: { now: () => now } };
  }
});
