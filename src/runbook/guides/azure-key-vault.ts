import { quote } from '../../text/shell.ts';
import { step } from '../model.ts';
import { FILES, work } from '../shell.ts';
import { hasChain, type Guide, type Spot } from './guide.ts';

const ID = /^https:\/\/(?<vault>[A-Za-z0-9-]+)\.[^/]+\/(?<type>certificates|secrets)\/(?<name>[^/]+)/;

/**
 * Azure Key Vault. Each import or creation makes a new version, and the old one stays; App Gateway and App Service take the
 * new one by themselves when they refer to it without a version (https://learn.microsoft.com/azure/key-vault/certificates/).
 */
export const azureKeyVault: Guide = {
  matches: ({ home }) => ID.test(home.location.location),

  save(spot) {
    const { vault, name, type } = idOf(spot);
    if (type === 'secrets') return [];
    return [
      step('Take a copy of what Key Vault holds', {
        text: ['The old version stays in the vault: nothing is lost.'],
        commands: [
          `az keyvault certificate list-versions --vault-name ${quote(vault)} --name ${quote(name)} --output table`,
          ...(spot.number === 1
            ? [
                `az keyvault certificate download --vault-name ${quote(vault)} --name ${quote(name)} --encoding PEM --file ${FILES.oldCertificate}`,
              ]
            : []),
        ],
      }),
    ];
  },

  renew(spot) {
    const { vault, name, type } = idOf(spot);
    if (type === 'secrets' || spot.home.sighting.renewal?.mode !== 'automatic') return undefined;
    return [
      step('Let Key Vault make a new version by its own policy', {
        text: [
          ...(spot.home.sighting.renewal.stuck === undefined
            ? []
            : [`Its renewal is stuck: ${spot.home.sighting.renewal.stuck}.`]),
          'With the issuer Self, or a CA account in the vault. Pending operations say what they wait for.',
        ],
        commands: [
          `az keyvault certificate show --vault-name ${quote(vault)} --name ${quote(name)} --query policy > ${work('policy.json')}`,
          `az keyvault certificate create --vault-name ${quote(vault)} --name ${quote(name)} --policy @${work('policy.json')}`,
          `az keyvault certificate pending show --vault-name ${quote(vault)} --name ${quote(name)}`,
          `az keyvault certificate download --vault-name ${quote(vault)} --name ${quote(name)} --encoding PEM --file ${FILES.certificate}`,
        ],
      }),
    ];
  },

  install(spot) {
    const { vault, name, type } = idOf(spot);
    if (type === 'secrets') {
      return [
        step(`Set the new value of the secret ${name}`, {
          text: ['Make the new value where the secret comes from. From a file, so that it stands in no history.'],
          commands: [
            ': "${SECRET_FILE:?set SECRET_FILE to a file that holds the new value}"',
            `az keyvault secret set --vault-name ${quote(vault)} --name ${quote(name)} --file "$SECRET_FILE"`,
          ],
        }),
      ];
    }
    if (spot.home.sighting.renewal?.mode === 'automatic') return [inUse(spot)];
    const parts = [FILES.key, FILES.certificate, ...(hasChain(spot) ? [FILES.chain] : [])];
    return [
      step('Import the successor as a new version', {
        commands: [
          `cat ${parts.join(' ')} > ${work('import.pem')}`,
          `az keyvault certificate import --vault-name ${quote(vault)} --name ${quote(name)} --file ${work('import.pem')}`,
          `rm -f ${work('import.pem')}`,
        ],
      }),
      inUse(spot),
    ];
  },

  restore(spot) {
    const { vault, name, type } = idOf(spot);
    return [
      step('Go back to the version before', {
        text: ['Let what uses it refer to the old version by its id, or disable the new one.'],
        commands: [
          type === 'secrets'
            ? `az keyvault secret list-versions --vault-name ${quote(vault)} --name ${quote(name)} --output table`
            : `az keyvault certificate list-versions --vault-name ${quote(vault)} --name ${quote(name)} --output table`,
        ],
      }),
    ];
  },
};

const DELETED = /^https:\/\/(?<vault>[A-Za-z0-9-]+)\.[^/]+\/deletedcertificates\/(?<name>[^/]+)$/;

/** A certificate that was deleted: it is brought back, or forgotten (https://learn.microsoft.com/azure/key-vault/general/soft-delete-overview). */
export const azureDeleted: Guide = {
  matches: ({ home }) => DELETED.test(home.location.location),
  save: () => [],

  install({ home }) {
    const { vault = '', name = '' } = DELETED.exec(home.location.location)?.groups ?? {};
    return [
      step('Bring it back where something still needs it', {
        text: ['What nobody misses is purged on its day, and needs nothing.'],
        commands: [`az keyvault certificate recover --vault-name ${quote(vault)} --name ${quote(name)}`],
      }),
    ];
  },

  restore: () => [],
};

function inUse({ home }: Spot): ReturnType<typeof step> {
  const users = (home.sighting.usedBy ?? []).map(({ id }) => id);
  return step('See that the new version is in use', {
    text: [
      'App Gateway and App Service look within 4 to 24 hours, and only at a reference without a version; virtual machines with the extension within an hour; what read it at its start needs a restart.',
      ...(users.length === 0 ? [] : [`It is used by ${users.slice(0, 5).join(', ')}.`]),
    ],
  });
}

function idOf({ home }: Spot): { readonly vault: string; readonly name: string; readonly type: string } {
  const { vault = '', name = '', type = '' } = ID.exec(home.location.location)?.groups ?? {};
  return { vault, name, type };
}
