import { seeIt, proveIt } from '../advice.ts';
import { itemFacts } from '../facts.ts';
import type { Assessment } from '../finding.ts';
import { servedBy } from '../served.ts';
import { NOTHING, type Subject, targetCause } from '../subject.ts';
import { fullNameOf, placeName, targetName } from '../wording.ts';

/**
 * The server showed a certificate and could not sign the handshake with its key (RFC 8446 section 4.4.3): somebody else
 * answers for it, or certificate and key do not belong together. Every client that verifies hangs up.
 */
export function possessionFailed({ location }: Subject): Assessment {
  if (location.endpoint?.possession !== 'failed') return NOTHING;
  const target = targetName(location);
  const leaf = servedBy(location).find(({ item }) => item.id === location.endpoint?.chain[0]);
  const shown = leaf === undefined ? 'a certificate' : `the certificate of ${fullNameOf(leaf.item)}`;
  return {
    findings: [
      {
        rule: 'possession-failed',
        family: 'chain',
        severity: 'critical',
        cause: targetCause(location),
        title: target,
        summary: `${target} shows ${shown} and does not hold its key: an impostor answers, or the server is broken, and clients hang up, at ${placeName(location)}`,
        facts: leaf === undefined ? [] : itemFacts(leaf.item, leaf),
        actions: [
          'See who answers at that address: a name that points to the wrong host, a proxy that copies certificates, or an attacker who has the certificate, which is public, and not the key',
          'If it is your server, compare its certificate and key files (openssl x509 -noout -pubkey, openssl pkey -pubout: both must print the same), and look at what signs for it (HSM, key agent)',
          ...seeIt(location),
          proveIt(location),
        ],
      },
    ],
  };
}
