import { quote } from '../../text/shell.ts';
import { step, type Step } from '../model.ts';
import { FILES, given, work } from '../shell.ts';
import type { Guide, Spot } from './guide.ts';

const LOCATION = /^entra:(?<type>applications|servicePrincipals)\/(?<id>[^/]+)$/;

/**
 * Applications in Microsoft Entra ID. A second credential is added beside the first, so that nothing fails meanwhile; the
 * certificate by which the directory signs for an application is made by the directory, and has to be known to the
 * application before it is in use (https://learn.microsoft.com/graph/application-saml-sso-configure-api).
 */
export const azureEntra: Guide = {
  matches: ({ home }) => LOCATION.test(home.location.location),

  save: (spot) => [
    step('Take note of the credentials that there are', {
      text: ['Entra shows no client secret again: the old one is only where applications have it.'],
      commands: [`${credential(spot, 'list')} --output json > ${work(`old-${spot.number}.json`)}`],
    }),
  ],

  renew(spot) {
    if (!isSigning(spot)) return undefined;
    const body = `{"displayName":"CN=Microsoft Azure Federated SSO Certificate"}`;
    return [
      step('Let the directory make another signing certificate', {
        text: ['It signs nothing yet. Without an end of your own it lives three years.'],
        commands: [
          `az rest --method POST --url ${principal(spot, '/addTokenSigningCertificate')} --headers Content-Type=application/json --body ${quote(body)} > ${work('signing.json')}`,
          `{ echo '-----BEGIN CERTIFICATE-----'; az rest --method GET --url ${principal(spot, '?$select=keyCredentials')} --query "keyCredentials[?usage=='Verify'] | max_by(@, &endDateTime).key" --output tsv | fold -w 64; echo '-----END CERTIFICATE-----'; } > ${FILES.certificate}`,
        ],
      }),
    ];
  },

  install(spot) {
    if (isSigning(spot)) return sign(spot);
    return spot.material === 'credential' ? addSecret(spot) : addCertificate(spot);
  },

  restore(spot) {
    if (isSigning(spot)) {
      return [
        step('Let the old certificate sign again', {
          text: ['This only helps while it has not ended.'],
          commands: [
            `az rest --method PATCH --url ${principal(spot, '')} --headers Content-Type=application/json --body ${quote(`{"preferredTokenSigningKeyThumbprint":"${spot.home.sighting.place.replace(/^signing\//, '').toUpperCase()}"}`)}`,
          ],
        }),
      ];
    }
    return [
      step('Use the old credential again', {
        text: [
          'It still works, as long as it was not deleted and has not ended. What is not used is deleted by its key id.',
        ],
        commands: [`${credential(spot, 'list')} --output table`],
      }),
    ];
  },
};

function isSigning({ home }: Spot): boolean {
  return home.sighting.role === 'signer';
}

function addSecret(spot: Spot): readonly Step[] {
  return [
    step('Add a second client secret beside the old one', {
      text: ['It is shown this once, and lies in the work folder for you to hand on.'],
      commands: [
        `${credential(spot, 'reset')} --append --years 1 --display-name ${quote(`after ${spot.home.sighting.place.slice(-8)}`)} --query password --output tsv > ${work('new-secret')}`,
      ],
    }),
    handOver(spot, 'the new secret'),
    forget(spot, spot.item.id),
    step('Remove the secret from the work folder', { commands: [`rm -f ${work('new-secret')}`] }),
  ];
}

function addCertificate(spot: Spot): readonly Step[] {
  return [
    step('Add the new certificate beside the old one', {
      commands: [`${credential(spot, 'reset')} --append --cert @${FILES.certificate}`],
    }),
    handOver(spot, 'the new certificate and its key'),
    forget(spot, spot.home.sighting.place.replace(/^certificate\//, '')),
  ];
}

function handOver({ home }: Spot, what: string): Step {
  const name = home.sighting.usedBy?.[0]?.id;
  return step(`Give ${what} to everything that logs in${name === undefined ? '' : ` as ${name}`}`, {
    text: ['See in the sign-in logs that the old key id is no longer used before the old credential is deleted.'],
  });
}

function forget(spot: Spot, keyId: string): Step {
  return step('Delete the old credential once nothing uses it', {
    commands: [
      given('SEEN_UNUSED', 'yes, once the sign-in logs show it no more'),
      `${credential(spot, 'delete')} --key-id ${quote(keyId)}`,
    ],
  });
}

function sign(spot: Spot): readonly Step[] {
  return [
    step('Tell whoever runs the application of the new certificate', {
      text: [
        'It has to trust both before the directory signs by the new one: by the federation metadata, or by the file. From the switch on it accepts nobody if it does not.',
      ],
      commands: [`openssl x509 -in ${FILES.certificate} -noout -subject -enddate -fingerprint -sha1`],
    }),
    step('Let the directory sign by the new certificate', {
      commands: [
        given('TRUSTED', 'yes, once the application trusts the new certificate'),
        `THUMBPRINT=$(openssl x509 -in ${FILES.certificate} -noout -fingerprint -sha1 | cut -d= -f2 | tr -d :)`,
        `az rest --method PATCH --url ${principal(spot, '')} --headers Content-Type=application/json --body "{\\"preferredTokenSigningKeyThumbprint\\":\\"$THUMBPRINT\\"}"`,
      ],
    }),
  ];
}

function idOf({ home }: Spot): { readonly type: string; readonly id: string } {
  const { type = '', id = '' } = LOCATION.exec(home.location.location)?.groups ?? {};
  return { type, id };
}

function credential(spot: Spot, call: string): string {
  const { type, id } = idOf(spot);
  return `az ad ${type === 'applications' ? 'app' : 'sp'} credential ${call} --id ${quote(id)}`;
}

function principal(spot: Spot, rest: string): string {
  return quote(`https://graph.microsoft.com/v1.0/servicePrincipals/${idOf(spot).id}${rest}`);
}
