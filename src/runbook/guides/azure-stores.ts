import { quote } from '../../text/shell.ts';
import { step, type Step } from '../model.ts';
import { given, work } from '../shell.ts';
import { makePfx, PFX } from './azure-pfx.ts';
import type { Guide, Spot } from './guide.ts';

const RESOURCE =
  /^\/subscriptions\/(?<subscription>[^/]+)\/resourceGroups\/(?<group>[^/]+)\/providers\/(?<type>[^/]+\/[^/]+)\/(?<name>[^/]+)$/i;

interface Resource {
  readonly id: string;
  readonly subscription: string;
  readonly group: string;
  readonly name: string;
}

function resourceAt(id: string, type: string): Resource | undefined {
  const found = RESOURCE.exec(id)?.groups;
  if (found?.['type']?.toLowerCase() !== type.toLowerCase()) return undefined;
  return {
    id,
    subscription: found['subscription'] ?? '',
    group: found['group'] ?? '',
    name: found['name'] ?? '',
  };
}

function resourceOf({ home }: Spot, type: string): Resource | undefined {
  return resourceAt(home.location.location, type);
}

/** Flags that say where a resource lies. */
function where({ subscription, group }: Resource): string {
  return `--subscription ${quote(subscription)} --resource-group ${quote(group)}`;
}

function keep({ home, number }: Spot, what: string): readonly Step[] {
  return [
    step(`Keep what ${what} shows`, {
      text: ['It gives no private key back: have the old one at hand.'],
      commands: [`az resource show --ids ${quote(home.location.location)} > ${work(`old-${number}.json`)}`],
    }),
  ];
}

function vaultOf({ home }: Spot): string | undefined {
  return home.sighting.labels?.['key_vault_secret'];
}

/** Renewed by Azure itself: what it waits for, and how that is seen. */
function renewedByAzure({ home }: Spot, what: string, commands: readonly string[]): readonly Step[] | undefined {
  if (home.sighting.renewal?.mode !== 'automatic') return undefined;
  const { stuck } = home.sighting.renewal;
  return [
    step(`Let ${what} renew it`, {
      text: [
        ...(stuck === undefined ? [] : [`Its renewal is stuck: ${stuck}.`]),
        'It renews by itself what it issued.',
      ],
      commands,
    }),
  ];
}

const WEB = 'Microsoft.Web/certificates';
const SITE = 'Microsoft.Web/sites';

/** A certificate of App Service: it is uploaded, and then bound to the host names of sites (https://learn.microsoft.com/azure/app-service/configure-ssl-certificate). */
export const azureAppService: Guide = {
  matches: (spot) => resourceOf(spot, WEB) !== undefined,
  save: (spot) => keep(spot, 'App Service'),
  renew: (spot) =>
    renewedByAzure(spot, 'App Service', [
      `az resource show --ids ${quote(spot.home.location.location)} --query properties`,
    ]),

  install(spot) {
    if (spot.home.sighting.renewal?.mode === 'automatic') {
      return [step('Nothing has to be installed: the sites take the renewed certificate by themselves')];
    }
    const sites = (spot.home.sighting.usedBy ?? []).flatMap(({ id }) => resourceAt(id, SITE) ?? []);
    const [vault, secret] = vaultOf(spot)?.split('/secrets/') ?? [];
    if (vault !== undefined && secret !== undefined) {
      return [
        step('Replace it in the Key Vault, and have App Service take it', {
          text: ['App Service looks into the vault once a day by itself.'],
          commands: perSite(sites, (site) => [
            `az webapp config ssl import ${site} --key-vault ${quote(vault)} --key-vault-certificate-name ${quote(secret)}`,
          ]),
        }),
      ];
    }
    return [
      step('Upload the successor, and bind it to the host names', {
        text: ['It is in force at once; the old one stays until it is deleted.'],
        commands: [
          ...makePfx(spot),
          ...perSite(sites, (site) => [
            `THUMBPRINT=$(az webapp config ssl upload ${site} --certificate-file ${PFX.file} --certificate-password ${PFX.password} --query thumbprint --output tsv)`,
            `az webapp config ssl bind ${site} --certificate-thumbprint "$THUMBPRINT" --ssl-type SNI`,
          ]),
          PFX.remove,
        ],
      }),
    ];
  },

  restore(spot) {
    const certificate = resourceOf(spot, WEB);
    return [
      step('Bind the old certificate again', {
        text: ['App Service still has it: the list gives its thumbprint.'],
        commands: certificate === undefined ? [] : [`az webapp config ssl list ${where(certificate)} --output table`],
      }),
    ];
  },
};

/** The same for each site that is known to use it; else for the one that the person names. */
function perSite(sites: readonly Resource[], commandsFor: (site: string) => readonly string[]): readonly string[] {
  if (sites.length === 0) {
    return [
      given('SITE', 'the name of the site that shows it'),
      given('GROUP', 'its resource group'),
      ...commandsFor('--resource-group "$GROUP" --name "$SITE"'),
    ];
  }
  return [...new Map(sites.map((site) => [site.id, site])).values()].flatMap((site) =>
    commandsFor(`${where(site)} --name ${quote(site.name)}`),
  );
}

const MANAGEMENT = 'Microsoft.ApiManagement/service';
const CLIENT = /^(?:backend|workspace\/(?<workspace>[^/]+))\/(?<name>[^/]+)$/;
const MANAGEMENT_VERSION = '2024-05-01';

/** API Management: what it logs in with at backends is replaced in place; host names and CAs are lists of the service (https://learn.microsoft.com/rest/api/apimanagement). */
export const azureApiManagement: Guide = {
  matches: (spot) => resourceOf(spot, MANAGEMENT) !== undefined,
  save: (spot) => keep(spot, 'API Management'),

  install(spot) {
    const { id } = resourceOf(spot, MANAGEMENT) ?? { id: '' };
    const client = CLIENT.exec(spot.home.sighting.place)?.groups;
    if (client === undefined) return [partOfService(spot, id)];
    const { workspace, name = '' } = client;
    const url = `${id}${workspace === undefined ? '' : `/workspaces/${workspace}`}/certificates/${name}`;
    const vault = vaultOf(spot);
    if (vault !== undefined) {
      const latest = vault.replace(/(\/secrets\/[^/]+)\/.*$/, '$1');
      return [
        step('Replace it in the Key Vault, and have API Management take it', {
          text: [
            'It looks into the vault every four hours by itself, where it refers to the secret without a version.',
          ],
          commands: [
            `az rest --method put --url ${versioned(url)} --headers If-Match='*' --body ${quote(JSON.stringify({ properties: { keyVault: { secretIdentifier: latest } } }))}`,
          ],
        }),
      ];
    }
    return [
      step('Put the successor in its place', {
        text: ['Policies that compare thumbprints of callers have to be told the new one.'],
        commands: [
          ...makePfx(spot),
          `printf '{"properties":{"data":"%s","password":"%s"}}' "$(base64 -w0 ${PFX.file})" ${PFX.password} > ${work('body.json')}`,
          `az rest --method put --url ${versioned(url)} --headers If-Match='*' --body @${work('body.json')}`,
          `${PFX.remove} ${work('body.json')}`,
        ],
      }),
    ];
  },

  restore: (spot) => [
    step('Put the old certificate in its place again', {
      text: ['With its key, as above.'],
      commands: [`az resource show --ids ${quote(spot.home.location.location)} --query properties`],
    }),
  ],
};

function versioned(id: string): string {
  return quote(`${id}?api-version=${MANAGEMENT_VERSION}`);
}

function partOfService({ home }: Spot, id: string): Step {
  const isAuthority = home.sighting.role === 'trust-anchor';
  return step(isAuthority ? 'Add the successor to the CAs of the service' : 'Give the host name the successor', {
    text: [
      `The ${isAuthority ? 'CAs are' : 'host names are'} one list of the service, and are replaced as a whole: in the portal, or by the template that made it. That takes up to 45 minutes; calls go on.`,
      ...(isAuthority ? ['The old one stays beside it until no client needs it.'] : []),
    ],
    commands: [
      `az resource show --ids ${quote(id)} --query properties.${isAuthority ? 'certificates' : 'hostnameConfigurations'}`,
    ],
  });
}

const PROFILE = 'Microsoft.Cdn/profiles';
const PROFILE_VERSION = '2025-04-15';
const CLASSIC = 'Microsoft.Network/frontDoors';
const CLASSIC_VERSION = '2021-06-01';

/** Front Door: what it manages waits for DNS, what is one's own lies in a Key Vault (https://learn.microsoft.com/azure/frontdoor/domain). */
export const azureFrontDoor: Guide = {
  matches: (spot) => (resourceOf(spot, PROFILE) ?? resourceOf(spot, CLASSIC)) !== undefined,
  save: (spot) => keep(spot, 'Front Door'),

  renew(spot) {
    const profile = resourceOf(spot, PROFILE);
    if (profile === undefined) return undefined;
    const flags = `${where(profile)} --profile-name ${quote(profile.name)}`;
    return renewedByAzure(spot, 'Front Door', [
      `az afd custom-domain list ${flags} --query '[].[name,hostName,domainValidationState,validationProperties.validationToken]' --output table`,
      given('DOMAIN', 'the name of a domain whose token has expired; leave the rest out where none has'),
      `az afd custom-domain regenerate-validation-token ${flags} --custom-domain-name "$DOMAIN"`,
    ]);
  },

  install(spot) {
    if (spot.home.sighting.renewal?.mode === 'automatic') {
      return [step('Nothing has to be installed: the domains take the renewed certificate by themselves')];
    }
    const profile = resourceOf(spot, PROFILE);
    const vault = vaultOf(spot);
    return [
      step('Replace it in the Key Vault, and let Front Door follow the latest version', {
        text: ['A version that is named is never replaced; the latest is taken within three days.'],
        commands: profile === undefined ? classicCommands(spot, vault) : profileCommands(spot, profile, vault),
      }),
    ];
  },

  restore: (spot) => [
    step('Let Front Door take the old version', {
      text: ['The Key Vault keeps it: import it again as the latest.'],
      commands: [`az resource show --ids ${quote(spot.home.location.location)}`],
    }),
  ],
};

function profileCommands({ home }: Spot, { id }: Resource, vault: string | undefined): readonly string[] {
  const url = quote(`${id}/${home.sighting.place.replace(/^secret\//, 'secrets/')}?api-version=${PROFILE_VERSION}`);
  if (vault === undefined) return [`az rest --method get --url ${url}`];
  const parameters = { type: 'CustomerCertificate', secretSource: { id: vault }, useLatestVersion: true };
  return [`az rest --method put --url ${url} --body ${quote(JSON.stringify({ properties: { parameters } }))}`];
}

function classicCommands({ home }: Spot, vault: string | undefined): readonly string[] {
  const id = home.location.location;
  const list = `az rest --method get --url ${quote(`${id}?api-version=${CLASSIC_VERSION}`)} --query 'properties.frontendEndpoints[].[name,properties.hostName]' --output table`;
  const [vaultId, secret] = vault?.split('/secrets/') ?? [];
  if (vaultId === undefined || secret === undefined) return [list];
  const body = {
    certificateSource: 'AzureKeyVault',
    protocolType: 'ServerNameIndication',
    minimumTlsVersion: '1.2',
    keyVaultCertificateSourceParameters: { vault: { id: vaultId }, secretName: secret, secretVersion: 'Latest' },
  };
  return [
    list,
    given('FRONTEND', 'the name of the frontend of the domain'),
    `az rest --method post --url ${quote(id)}"/frontendEndpoints/$FRONTEND/enableHttps?api-version=${CLASSIC_VERSION}" --body ${quote(JSON.stringify(body))}`,
  ];
}
