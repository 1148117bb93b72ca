import { quote } from '../../text/shell.ts';
import { placeName } from '../../policy/wording.ts';
import { step, type Step } from '../model.ts';
import { FILES, given, work } from '../shell.ts';
import { hasChain, type Guide, type Spot } from './guide.ts';
import { reload } from './pem-file.ts';

const PKCS12 = /\.(?:p12|pfx)$/i;
const JAVA = /\.(?:jks|jceks|bcfks|keystore|ks|truststore)$/i;
const PASSWORD = given('STORE_PASSWORD', 'the password of the store, and export it');

/** PKCS#12 files and Java keystores: keytool opens both (https://docs.oracle.com/en/java/javase/21/docs/specs/man/keytool.html). */
export const keystore: Guide = {
  matches: ({ home }) =>
    home.location.type === 'file' && (PKCS12.test(home.location.location) || JAVA.test(home.location.location)),

  save(spot) {
    const path = spot.home.location.location;
    return [
      step(`Keep what is at ${placeName(spot.home.location)}`, {
        text: ['Passwords go through the environment, never on a command line: export STORE_PASSWORD.'],
        commands: [
          `cp -p -- ${quote(path)} ${work(`old-${spot.number}.store`)}`,
          ...(spot.number === 1 ? presentCertificate(spot) : []),
        ],
      }),
    ];
  },

  install(spot) {
    const isTrusted = spot.material === 'anchor';
    return [
      isTrusted ? addTrusted(spot) : PKCS12.test(spot.home.location.location) ? writePkcs12(spot) : importEntry(spot),
      reload(spot),
    ];
  },

  restore: (spot) => [
    step(`Bring back ${placeName(spot.home.location)}, and reload as before`, {
      commands: [`put ${quote(spot.home.location.location)} < ${work(`old-${spot.number}.store`)}`],
    }),
  ],
};

function presentCertificate(spot: Spot): readonly string[] {
  const file = quote(spot.home.location.location);
  return PKCS12.test(spot.home.location.location)
    ? [
        PASSWORD,
        `openssl pkcs12 -in ${file} -nokeys -clcerts -passin env:STORE_PASSWORD | openssl x509 -out ${FILES.oldCertificate}`,
      ]
    : [
        PASSWORD,
        `keytool -exportcert -rfc -alias ${quote(aliasOf(spot))} -keystore ${file} -storepass:env STORE_PASSWORD > ${FILES.oldCertificate}`,
      ];
}

function writePkcs12(spot: Spot): Step {
  const { location } = spot.home;
  const chain = hasChain(spot) ? ` -certfile ${FILES.chain}` : '';
  return step(`Make ${placeName(location)} anew`, {
    text: [
      'It then holds this one key and its chain. Where it held others as well, use keytool -importkeystore instead.',
    ],
    commands: [PASSWORD, exportCommand(spot, chain), `put ${quote(location.location)} < ${work('new.p12')}`],
  });
}

/** The key gets the store's password: Java wants both to be the same in PKCS#12. */
function importEntry(spot: Spot): Step {
  const { location } = spot.home;
  const store = quote(location.location);
  const alias = quote(aliasOf(spot));
  return step(`Replace the entry ${aliasOf(spot)} in ${placeName(location)}`, {
    commands: [
      PASSWORD,
      exportCommand(spot, hasChain(spot) ? ` -certfile ${FILES.chain}` : ''),
      `keytool -importkeystore -noprompt -srckeystore ${work('new.p12')} -srcstoretype PKCS12 -srcstorepass:env STORE_PASSWORD -srcalias ${alias} -destkeystore ${store} -deststorepass:env STORE_PASSWORD -destalias ${alias}`,
    ],
  });
}

function addTrusted(spot: Spot): Step {
  const { item, home } = spot;
  const from = item.kind === 'certificate' && item.isCa ? FILES.authority : FILES.certificate;
  return step(`Put the successor beside the old one in ${placeName(home.location)}`, {
    commands: [
      PASSWORD,
      `keytool -importcert -noprompt -alias ${quote(`${aliasOf(spot)}-next`)} -file ${from} -keystore ${quote(home.location.location)} -storepass:env STORE_PASSWORD`,
    ],
  });
}

function exportCommand(spot: Spot, chain: string): string {
  return `openssl pkcs12 -export -in ${FILES.certificate} -inkey ${FILES.key}${chain} -name ${quote(aliasOf(spot))} -passout env:STORE_PASSWORD -out ${work('new.p12')}`;
}

/** The alias, where the store has names. */
function aliasOf({ home }: Spot): string {
  const { place } = home.sighting;
  return place === '' || place === 'certificate' ? '1' : place;
}
