import { quote } from '../../text/shell.ts';
import { placeName } from '../../policy/wording.ts';
import { step } from '../model.ts';
import { FILES, work } from '../shell.ts';
import type { Guide } from './guide.ts';
import { reload } from './pem-file.ts';

/** A revocation list in a file; the format that it has there is kept. */
export const revocationList: Guide = {
  matches: ({ home, material }) =>
    material === 'crl' && home.location.type === 'file' && home.location.location.startsWith('/'),

  save: ({ home, number }) => [
    step(`Keep what is at ${placeName(home.location)}`, {
      commands: [`cp -p -- ${quote(home.location.location)} ${work(`old-${number}.crl`)}`],
    }),
  ],

  install(spot) {
    const path = quote(spot.home.location.location);
    return [
      step(`Put the new list at ${placeName(spot.home.location)}`, {
        text: [
          'In the format that is there now. A file that holds lists of several authorities, or a certificate as well, needs only this list replaced: do that by hand.',
        ],
        commands: [
          `if grep -q -e '-----BEGIN X509 CRL' ${path}; then form=PEM; else form=DER; fi`,
          `openssl crl -in ${FILES.list} -outform "$form" | put ${path}`,
        ],
      }),
      reload(spot),
    ];
  },

  restore: ({ home, number }) => [
    step(`Bring back what was at ${placeName(home.location)}, and reload as before`, {
      text: ['This only helps while the old list has not ended.'],
      commands: [`put ${quote(home.location.location)} < ${work(`old-${number}.crl`)}`],
    }),
  ],
};
