import { lookCommand, reachOf } from '../../policy/commands.ts';
import { quote } from '../../text/shell.ts';
import { placeName } from '../../policy/wording.ts';
import { step } from '../model.ts';
import { FILES, given } from '../shell.ts';
import type { Guide, Spot } from './guide.ts';
import { reloadChoices } from './reload.ts';

/** A certificate that was seen on the wire alone: where the server has its files is known to its owner. */
export const endpoint: Guide = {
  matches: ({ home }) => home.location.type === 'endpoint',

  save(spot) {
    const look = wireCommand(spot);
    return spot.number !== 1 || spot.material !== 'leaf' || look === undefined
      ? []
      : [step('Keep what the server shows', { commands: [`${look} > ${FILES.oldCertificate}`] })];
  },

  install(spot) {
    const reach = reachOf(spot.home.location);
    const words = [reach?.starttls ?? '', spot.home.location.target];
    return [
      step(`Bring it to the server behind ${placeName(spot.home.location)}`, {
        text: [
          'On every node behind the name. Its config says where it has its files: ssl_certificate of nginx, SSLCertificateFile of Apache, crt of HAProxy, ssl_cert_file of PostgreSQL.',
          'Where another party runs it, send its owner the new certificate, the address and the day.',
        ],
        commands: commandsFor(spot),
      }),
      step('Reload it', { choices: reloadChoices(words) }),
    ];
  },

  restore: ({ material }) =>
    material === 'leaf'
      ? [
          step('Bring back the files of the server, and reload as before', {
            commands: ['put "$CERT_FILE" < "$WORK"/old-server.pem', 'put "$KEY_FILE" < "$WORK"/old-server.key'],
          }),
        ]
      : [
          step('Bring back the file of the server, and reload as before', {
            commands: ['put "$CHAIN_FILE" < "$WORK"/old-server.pem'],
          }),
        ],
};

function commandsFor({ material, item }: Spot): readonly string[] {
  switch (material) {
    case 'leaf':
      return [
        given('CERT_FILE', 'the file that the server has its certificate in'),
        given('KEY_FILE', 'the file that the server has its key in'),
        'cp -p -- "$CERT_FILE" "$WORK"/old-server.pem',
        'cp -p -- "$KEY_FILE" "$WORK"/old-server.key',
        `put "$KEY_FILE" < ${FILES.key}`,
        `cat ${FILES.certificate} ${FILES.chain} | put "$CERT_FILE"`,
      ];
    case 'authority':
    case 'anchor':
      return [
        given('CHAIN_FILE', 'the file that the server sends its chain from'),
        'cp -p -- "$CHAIN_FILE" "$WORK"/old-server.pem',
        `swap "$CHAIN_FILE" ${quote(item.id)} ${FILES.authority} | put "$CHAIN_FILE"`,
      ];
    case 'crl':
    case 'credential':
      return [];
  }
}

/** Prints the server's certificate. */
function wireCommand({ home }: Spot): string | undefined {
  const look = lookCommand(home.location);
  const [connect] = look?.split(' </dev/null | ') ?? [];
  return connect?.startsWith('openssl s_client ') === true ? `${connect} </dev/null | openssl x509` : undefined;
}
