import pc from 'picocolors';

import { clientOutlooks, type ClientOutlook } from '../../inventory/clients.ts';
import type { KnownCertificate, KnownEndpoint, Location } from '../../inventory/model.ts';
import { verdictOn } from '../../plugin/client.ts';
import type { Verdict } from '../../plugin/observation.ts';
import { chainFaults } from '../../policy/chain-faults.ts';
import { servedBy } from '../../policy/served.ts';
import { span, titleOf, utc } from '../../policy/wording.ts';
import { terminalText } from '../../text/terminal.ts';

/** Issuers that are spelled out. */
const FIRST_ISSUERS = 5;

/**
 * What one endpoint is, whom it accepts, whether it accepts the clients that logged in, until when, and what breaks
 * first: a few lines.
 */
export function endpointText(location: Location, endpoint: KnownEndpoint, at: number): string {
  const outlooks = clientOutlooks([location]).configured;
  return [
    pc.dim(terminalText(serverLine(location, endpoint))),
    ...chainLine(location),
    ...outlooks.map((outlook) => clientLine(outlook, at)),
    ...nobodyLine(endpoint),
    ...(outlooks.length === 0 ? [] : breakLine(location, outlooks, at)),
  ].join('\n');
}

/** `api.example.com:8443@10.0.0.7: TLS 1.3, TLS_AES_128_GCM_SHA256, X25519, h2, asks for a client certificate from CN=…` */
function serverLine({ location }: Location, endpoint: KnownEndpoint): string {
  const issuers = endpoint.acceptableIssuers.slice(0, FIRST_ISSUERS).join(' or ');
  const more = endpoint.acceptableIssuers.length - FIRST_ISSUERS;
  const from = issuers === '' ? ' and names no issuers' : ` from ${issuers}${more > 0 ? ` or ${more} more` : ''}`;
  const asks =
    endpoint.requestsClientCertificate === undefined
      ? undefined
      : endpoint.requestsClientCertificate
        ? `asks for a client certificate${from}`
        : 'asks for no client certificate';
  const facts = [`TLS ${endpoint.tlsVersion}`, endpoint.cipher, endpoint.group, endpoint.alpn, asks];
  return `${location}: ${facts.filter((fact) => fact !== undefined).join(', ')}`;
}

/** `  chain: CN=Root is neither served nor trusted; sent more than once: Issuing CA`; nothing where all is well. */
function chainLine(location: Location): string[] {
  const { chain } = location;
  if (chain === undefined) return [];
  const faults = chainFaults(chain, servedBy(location));
  return faults.length === 0 ? [] : [`  ${pc.dim(terminalText(`chain: ${faults.join('; ')}`))}`];
}

const VERDICT_PAINT: Record<Verdict['status'], (text: string) => string> = {
  accepted: pc.green,
  rejected: pc.red,
  unknown: pc.yellow,
};

/** `  as billing (billing.example.com): accepted until 2027-01-02 09:43 UTC, in 39 days; HTTP 200 to HEAD /` */
function clientLine({ name = '', client, verdict, outageAt, limitedBy }: ClientOutlook, at: number): string {
  const who = name === client.title ? name : `${name} (${client.title})`;
  const until =
    outageAt === null ? ', without an end' : ` until ${whenText(outageAt, at)}${limitText(client, limitedBy)}`;
  return `  ${terminalText(`as ${who}`)}: ${verdictText(verdict, verdict?.status === 'accepted' ? until : '')}`;
}

function nobodyLine({ verdicts }: KnownEndpoint): readonly string[] {
  const verdict = verdictOn(verdicts, null);
  return verdict === undefined ? [] : [`  without a client certificate: ${verdictText(verdict, '')}`];
}

function verdictText(verdict: Verdict | undefined, until: string): string {
  if (verdict === undefined) return 'not tried';
  const { status, reason, evidence } = verdict;
  const why = reason === null ? '' : `, ${reason}`;
  const how = evidence === '' ? '' : `; ${evidence}`;
  return `${VERDICT_PAINT[status](status)}${terminalText(why + until + how)}`;
}

/** What sets the end, where it is not the certificate that logs in. */
function limitText(client: KnownCertificate, limitedBy: KnownCertificate): string {
  return limitedBy.id === client.id ? '' : `, when ${titleOf(limitedBy)} ends`;
}

/** The first end that breaks anything here: of the server for everybody, or of a client that is let in. */
function breakLine({ chain, sightings }: Location, outlooks: readonly ClientOutlook[], at: number): readonly string[] {
  const served = chain?.effective;
  const limit =
    chain?.limitedBy ?? sightings.map(({ item }) => item).find((item) => item.id === served?.by && item.kind !== 'crl');
  const ends = [
    ...(served === undefined || served.at === null
      ? []
      : [
          {
            endsAt: served.at,
            what: 'the server, for everybody',
            by: limit === undefined ? served.by : titleOf(limit),
          },
        ]),
    ...outlooks.flatMap(({ name = '', verdict, outageAt, limitedBy }) =>
      outageAt === null || verdict?.status === 'rejected'
        ? []
        : [{ endsAt: outageAt, what: `the login as ${name}`, by: titleOf(limitedBy) }],
    ),
  ].toSorted((a, b) => a.endsAt - b.endsAt);
  const [first] = ends;
  if (first === undefined) return [];
  const { endsAt, what, by } = first;
  return [
    `  ${terminalText(`${endsAt > at ? 'breaks first' : 'is broken'}: ${what}, ${whenText(endsAt, at)}, when ${by} ${endsAt > at ? 'ends' : 'ended'}`)}`,
  ];
}

function whenText(endsAt: number, at: number): string {
  return endsAt > at ? `${utc(endsAt)}, in ${span(endsAt - at)}` : `${utc(endsAt)}, ${span(at - endsAt)} ago`;
}
