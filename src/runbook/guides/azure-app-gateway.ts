import { quote } from '../../text/shell.ts';
import { step } from '../model.ts';
import { FILES, work } from '../shell.ts';
import { makePfx, PFX } from './azure-pfx.ts';
import type { Guide, Spot } from './guide.ts';

const GATEWAY =
  /^\/subscriptions\/(?<subscription>[^/]+)\/resourceGroups\/(?<group>[^/]+)\/providers\/Microsoft\.Network\/applicationGateways\/(?<name>[^/]+)$/i;
const PLACE = /^(?<kind>ssl|trusted-client|trusted-root|authentication)\/(?<part>[^/]+)/;

/** What the command line calls the parts of a gateway (https://learn.microsoft.com/cli/azure/network/application-gateway). */
const CALLS: Readonly<Record<string, string>> = {
  ssl: 'ssl-cert',
  'trusted-client': 'client-cert',
  'trusted-root': 'root-cert',
  authentication: 'auth-cert',
};

/** Azure Application Gateway: certificates of listeners, and what it trusts. */
export const azureAppGateway: Guide = {
  matches: ({ home }) => GATEWAY.test(home.location.location) && PLACE.test(home.sighting.place),

  save(spot) {
    const data = isServer(spot) ? 'publicCertData' : 'data';
    const saved = work(`old-${spot.number}.b64`);
    return [
      step('Take a copy of what the gateway holds', {
        text: ['The private key does not come back: have the old one at hand.'],
        commands: [
          `${call(spot, 'show')} --query ${data} --output tsv > ${saved}`,
          ...(isServer(spot)
            ? [
                `base64 -d ${saved} | openssl pkcs7 -inform der -print_certs | openssl x509 -out ${FILES.oldCertificate}`,
              ]
            : [`base64 -d ${saved} > ${bundle(spot)}`]),
        ],
      }),
    ];
  },

  install(spot) {
    if (!isServer(spot)) {
      return [
        step('Put the successor beside the old one', {
          text: ['An update of a gateway takes some minutes; connections that exist go on.'],
          commands: [
            `cat ${bundle(spot)} ${FILES.authority} > ${work(`bundle-${spot.number}.pem`)}`,
            `${call(spot, 'update')} ${option(spot)} ${work(`bundle-${spot.number}.pem`)}`,
          ],
        }),
      ];
    }
    const vault = spot.home.sighting.labels?.['key_vault_secret'];
    if (vault !== undefined) {
      return [
        step('Replace it in the Key Vault', {
          text: [
            `The gateway takes it from ${vault}. Where that names a version, refer to the secret without one; then the gateway looks every four hours.`,
          ],
          commands: [
            `${call(spot, 'update')} --key-vault-secret-id ${quote(vault.replace(/(\/secrets\/[^/]+)\/.*$/, '$1'))}`,
          ],
        }),
      ];
    }
    return [
      step('Upload the successor in its place', {
        commands: [
          ...makePfx(spot),
          `${call(spot, 'update')} --cert-file ${PFX.file} --cert-password ${PFX.password}`,
          PFX.remove,
        ],
      }),
    ];
  },

  restore: (spot) => [
    step('Bring back what the gateway held', {
      text: isServer(spot) ? ['Upload the old certificate with its key, as above.'] : [],
      commands: isServer(spot) ? [] : [`${call(spot, 'update')} ${option(spot)} ${bundle(spot)}`],
    }),
  ],
};

function isServer({ home }: Spot): boolean {
  return home.sighting.place.startsWith('ssl/');
}

function bundle({ number }: Spot): string {
  return work(`old-${number}.pem`);
}

function option({ home }: Spot): string {
  return home.sighting.place.startsWith('trusted-client/') ? '--data' : '--cert-file';
}

function call({ home }: Spot, verb: string): string {
  const { subscription = '', group = '', name = '' } = GATEWAY.exec(home.location.location)?.groups ?? {};
  const { kind = '', part = '' } = PLACE.exec(home.sighting.place)?.groups ?? {};
  return `az network application-gateway ${CALLS[kind] ?? ''} ${verb} --subscription ${quote(subscription)} --resource-group ${quote(group)} --gateway-name ${quote(name)} --name ${quote(part)}`;
}
