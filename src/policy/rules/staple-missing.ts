import type { Location } from '../../inventory/model.ts';
import type { Staple } from '../../plugin/observation.ts';
import { proveIt, seeIt } from '../advice.ts';
import { itemFacts } from '../facts.ts';
import type { Assessment } from '../finding.ts';
import { servedLeaf } from '../served.ts';
import { NOTHING, type Subject } from '../subject.ts';
import { fullNameOf, placeName, titleOf } from '../wording.ts';

/**
 * A certificate that demands a stapled OCSP response (RFC 7633) is served without one, or whatever certificate with one
 * that clients cannot use: those that look at it refuse the connection.
 */
export function stapleMissing({ location }: Subject): Assessment {
  const leaf = servedLeaf(location);
  if (leaf === undefined) return NOTHING;
  const fault = faultOf(location, leaf.item.mustStaple === true);
  if (fault === undefined) return NOTHING;
  return {
    findings: [
      {
        rule: 'staple-missing',
        family: 'chain',
        severity: 'warning',
        cause: leaf.item.id,
        title: titleOf(leaf.item),
        summary: `${fullNameOf(leaf.item)} ${fault}: clients that look at it refuse the connection (Firefox does), at ${placeName(location)}`,
        facts: itemFacts(leaf.item, leaf),
        actions: [
          ...seeIt(location),
          'Switch stapling on in the server (nginx: ssl_stapling; Apache: SSLUseStapling; HAProxy: ocsp-update), and see that it reaches the OCSP responder of the CA',
          ...(leaf.item.mustStaple === true
            ? ['Or reissue the certificate without the demand (must-staple): many CAs have given up OCSP']
            : []),
          proveIt(location),
        ],
      },
    ],
  };
}

function faultOf({ endpoint, lastSuccessAt, lastLookAt }: Location, isDemanded: boolean): string | undefined {
  const staple = endpoint?.staple;
  if (staple !== undefined) return unusable(staple, lastSuccessAt ?? lastLookAt);
  return isDemanded && couldHoldStaple(endpoint)
    ? 'demands a stapled OCSP response and is served without one'
    : undefined;
}

/** Whether that way of looking would have shown one: the TLS library does not ask for it, and leaving at the certificate is too early in TLS 1.2. */
function couldHoldStaple(endpoint: Location['endpoint']): boolean {
  if (endpoint === undefined) return false;
  return endpoint.handshake === 'hello' || (endpoint.handshake === 'early' && endpoint.tlsVersion === '1.3');
}

function unusable(staple: Staple, at: number): string | undefined {
  switch (staple.status) {
    case 'revoked':
      return undefined;
    case 'invalid':
      return `is served with an OCSP response that is no proof${staple.problem === undefined ? '' : ` (${staple.problem})`}`;
    case 'unknown':
      // What cannot be judged for want of the issuer is the business of chain-incomplete.
      return staple.problem === undefined ? 'is served with an OCSP response that does not know it' : undefined;
    case 'good':
      return staple.nextUpdateAt !== undefined && staple.nextUpdateAt <= at
        ? 'is served with an OCSP response that has ended'
        : undefined;
  }
}
