import { type Fields, fieldsAt, listAt, textAt, textsAt } from '../../src/cloud/answer.ts';
import { type GoogleLook, relativeName } from '../../src/cloud/google.ts';
import { readAll } from '../../src/cloud/paging.ts';
import { detailsCut } from '../../src/cloud/observation.ts';
import type { Item } from '../../src/plugin/item.ts';
import type { Problem } from '../../src/plugin/observation.ts';

export const DNS_AUTHORIZATIONS = 'certificatemanager.dnsauthorizations.list';

/** The DNS authorizations of a project by their relative names, asked for once in a look, and only where a domain fails. */
export type Authorizations = () => Promise<ReadonlyMap<string, Fields>>;

export function createAuthorizations(look: GoogleLook, gaps: Problem[]): Authorizations {
  let found: Promise<ReadonlyMap<string, Fields>> | undefined;
  async function read(): Promise<ReadonlyMap<string, Fields>> {
    const path = `/v1/projects/${look.project}/locations/-/dnsAuthorizations`;
    const pages = look.list({ action: DNS_AUTHORIZATIONS }, 'certificatemanager', path, 'dnsAuthorizations');
    const all = await readAll(pages, (error) => {
      gaps.push(detailsCut(DNS_AUTHORIZATIONS, error));
    });
    return new Map(all.map((one) => [relativeName(textAt(one, 'name') ?? ''), one]));
  }
  return () => {
    found ??= read();
    return found;
  };
}

/** Who renews it, and what keeps Google from it (https://cloud.google.com/certificate-manager/docs/troubleshooting). */
export async function renewalOf(
  { managed }: Fields,
  authorizations: Authorizations,
): Promise<NonNullable<Item['renewal']>> {
  if (typeof managed !== 'object' || managed === null) return { mode: 'manual' };
  const issue = textAt(managed, 'provisioningIssue', 'reason');
  const failed = listAt(managed, 'authorizationAttemptInfo').filter((one) => textAt(one, 'state') === 'FAILED');
  const state = textAt(managed, 'state');
  if (issue === undefined && failed.length === 0 && state !== 'FAILED') return { mode: 'automatic' };
  const details = textAt(managed, 'provisioningIssue', 'details');
  const parts = issue === undefined ? [] : [`Google says ${issue}${details === undefined ? '' : `: ${details}`}`];
  for (const attempt of failed) parts.push(await failureText(attempt, managed, authorizations));
  return { mode: 'automatic', stuck: parts.length === 0 ? 'Google says FAILED' : parts.join('; ') };
}

/** Why a domain is not authorised, and what would authorise it again. */
async function failureText(attempt: Fields, managed: object, authorizations: Authorizations): Promise<string> {
  const domain = textAt(attempt, 'domain') ?? '';
  const why = [textAt(attempt, 'failureReason'), textAt(attempt, 'details')].filter((text) => text !== undefined);
  const said = `${domain} is not authorised${why.length === 0 ? '' : ` (${why.join(': ')})`}`;
  const names = textsAt(managed, 'dnsAuthorizations');
  const todo = names.length === 0 ? addressText(attempt) : await recordText(attempt, domain, names, authorizations);
  return todo === undefined ? said : `${said}: ${todo}`;
}

/**
 * The record that has to be in DNS for ever, and what is there instead, as far as Google tells
 * (https://cloud.google.com/certificate-manager/docs/domain-authorization).
 */
async function recordText(
  attempt: Fields,
  domain: string,
  names: readonly string[],
  authorizations: Authorizations,
): Promise<string | undefined> {
  const seen = fieldsAt(attempt, 'troubleshooting', 'cname');
  const expected = textAt(seen, 'expectedData');
  const record =
    expected === undefined ? await recordOf(domain, names, authorizations) : { name: textAt(seen, 'name'), expected };
  if (record?.name === undefined) return undefined;
  const instead = textsAt(seen, 'resolvedData')[0];
  const now = instead === undefined || instead === record.expected ? '' : `, which is ${instead} now`;
  return `set the DNS record ${record.name} CNAME ${record.expected}${now}`;
}

async function recordOf(
  domain: string,
  names: readonly string[],
  authorizations: Authorizations,
): Promise<{ readonly name: string | undefined; readonly expected: string } | undefined> {
  const known = await authorizations();
  for (const name of names) {
    const authorization = known.get(relativeName(name));
    // One authorization is for a domain and its wildcard.
    if (authorization === undefined || textAt(authorization, 'domain') !== domain.replace(/^\*\./, '')) continue;
    const expected = textAt(authorization, 'dnsResourceRecord', 'data');
    if (expected !== undefined) return { name: textAt(authorization, 'dnsResourceRecord', 'name'), expected };
  }
  return undefined;
}

/** Where the domain leads, and where it has to, when the load balancer itself answers for it. */
function addressText(attempt: Fields): string | undefined {
  const serving = textsAt(attempt, 'troubleshooting', 'ips', 'serving');
  if (serving.length === 0) return undefined;
  const resolved = textsAt(attempt, 'troubleshooting', 'ips', 'resolved');
  return `it has to lead to ${serving.join(' or ')}, and leads to ${resolved.length === 0 ? 'no address' : resolved.join(', ')}`;
}
