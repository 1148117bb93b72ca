import { quote } from '../../text/shell.ts';
import { placeName } from '../../policy/wording.ts';
import { step, type Step } from '../model.ts';
import { FILES, restOf, work } from '../shell.ts';
import { hasChain, type Guide, type Spot } from './guide.ts';
import { CLIENT_RELOADS, reloadChoices, whoReads } from './reload.ts';

/** Keystores and files of other formats have guides of their own, or none. */
const OTHER_FORMAT =
  /\.(?:p12|pfx|jks|jceks|bcfks|keystore|ks|truststore|p7b|p7c|crl|yaml|yml|json|xml|kubeconfig|conf|ovpn)$/i;

/** A certificate in a file of its own or among others, PEM or DER. */
export const pemFile: Guide = {
  matches: ({ home, material }) =>
    material !== 'credential' &&
    material !== 'crl' &&
    home.location.type === 'file' &&
    home.location.location.startsWith('/') &&
    !OTHER_FORMAT.test(home.location.location),

  save(spot) {
    const path = pathOf(spot);
    const key = keyBeside(spot);
    const first = spot.number === 1 ? [presentCertificate(path, isDer(path)), ...presentChain(spot, path)] : [];
    return [
      step(`Keep what is at ${placeName(spot.home.location)}`, {
        commands: [
          `cp -p -- ${quote(path)} ${work(saved(spot, 'pem'))}`,
          ...(key === undefined ? [] : [`cp -p -- ${quote(key)} ${work(saved(spot, 'key'))}`]),
          ...first,
        ],
      }),
    ];
  },

  install(spot) {
    const name = placeName(spot.home.location);
    return [
      step(
        spot.material === 'anchor' ? `Put the successor beside the old one in ${name}` : `Put the successor at ${name}`,
        {
          text: [`On the machine of source ${spot.home.location.source}${hostOf(spot)}.`, ...keyNotes(spot)],
          commands: contents(spot),
        },
      ),
      reload(spot),
    ];
  },

  restore(spot) {
    const path = pathOf(spot);
    const key = keyBeside(spot);
    return [
      step(`Bring back what was at ${placeName(spot.home.location)}, and reload as before`, {
        commands: [
          ...(key === undefined ? [] : [`put ${quote(key)} < ${work(saved(spot, 'key'))}`]),
          `put ${quote(path)} < ${work(saved(spot, 'pem'))}`,
        ],
      }),
    ];
  },
};

/** How what reads the file is told of it. */
export function reload({ home }: Spot): Step {
  const { location, sighting } = home;
  const users = (sighting.usedBy ?? []).map(({ id }) => id);
  const isClient = sighting.role === 'client';
  return step(`Reload what reads ${placeName(location)}`, {
    text: [
      isClient
        ? 'A client that keeps connections open shows the old certificate until it connects anew.'
        : 'Most servers read their files at a start or reload only. The config that names the file says which server it is.',
      ...(users.length === 0 ? [] : [`It is used by ${users.slice(0, 5).join(', ')}.`]),
    ],
    commands: isClient ? [] : [whoReads(location.location)],
    choices: isClient ? CLIENT_RELOADS : reloadChoices([location.location, ...users]),
  });
}

function contents(spot: Spot): readonly string[] {
  const path = pathOf(spot);
  const to = quote(path);
  const { material, item } = spot;
  switch (material) {
    case 'anchor':
      return [
        `cat ${to} ${item.kind === 'certificate' && item.isCa ? FILES.authority : FILES.certificate} | put ${to}`,
      ];
    case 'authority':
      return [`swap ${to} ${quote(item.id)} ${FILES.authority} | put ${to}`];
    default: {
      if (isDer(path)) return [...keyCommands(spot), `openssl x509 -in ${FILES.certificate} -outform der | put ${to}`];
      const key = spot.home.sighting.key?.at === path ? [FILES.key] : [];
      const chain = hasChain(spot) ? [FILES.chain] : [];
      return [...keyCommands(spot), `cat ${[FILES.certificate, ...chain, ...key].join(' ')} | put ${to}`];
    }
  }
}

function keyCommands(spot: Spot): readonly string[] {
  const key = keyBeside(spot);
  if (key === undefined) return [];
  const isEncrypted = spot.home.sighting.key?.match === 'encrypted';
  return [
    isEncrypted ? `openssl pkcs8 -topk8 -in ${FILES.key} | put ${quote(key)}` : `put ${quote(key)} < ${FILES.key}`,
  ];
}

function keyNotes({ home }: Spot): readonly string[] {
  const { key, role } = home.sighting;
  if (role !== 'server' && role !== 'client' && role !== 'signer') return [];
  if (key === undefined) return ['Its key was not seen beside it: put the new key where the config names it, too.'];
  return key.match === 'encrypted' ? ['Its key is encrypted: use the password that the config of its reader has.'] : [];
}

/** The key of a leaf that lies in another file. */
function keyBeside({ home, material }: Spot): string | undefined {
  const key = home.sighting.key?.at;
  return material === 'leaf' && key?.startsWith('/') === true && key !== home.location.location ? key : undefined;
}

function presentCertificate(path: string, der: boolean): string {
  return `openssl x509 ${der ? '-inform der ' : ''}-in ${quote(path)} -out ${FILES.oldCertificate}`;
}

function presentChain(spot: Spot, path: string): readonly string[] {
  return hasChain(spot) ? [`${restOf(quote(path))} > ${FILES.oldChain}`] : [];
}

/** Labels tell hosts apart where sources do not. */
function hostOf({ home }: Spot): string {
  const host = home.location.labels['host'] ?? home.location.labels['instance'];
  return host === undefined ? '' : `, host ${host}`;
}

function pathOf({ home }: Spot): string {
  return home.location.location;
}

function isDer(path: string): boolean {
  return /\.der$/i.test(path);
}

function saved({ number }: Spot, ending: string): string {
  return `old-${number}.${ending}`;
}
