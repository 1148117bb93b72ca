import { quote } from '../../text/shell.ts';
import { step } from '../model.ts';
import { FILES, restOf, work } from '../shell.ts';
import type { Guide, Spot } from './guide.ts';
import { reload } from './pem-file.ts';

const LINEAGE = /^(?<folder>.*\/letsencrypt\/live\/(?<name>[^/]+))\/(?:fullchain|cert)\.pem$/;

/** Certbot's own folder: what is in it is never written by hand (https://eff-certbot.readthedocs.io/en/stable/using.html#where-are-my-certificates). */
export const certbot: Guide = {
  matches: ({ home, material }) => material === 'leaf' && LINEAGE.test(home.location.location),

  save(spot) {
    const { folder } = lineageOf(spot);
    return [
      step(`Keep what certbot has for ${lineageOf(spot).name}`, {
        text: ['certbot keeps every certificate it has made in its archive folder; this is a copy beside it.'],
        commands: [
          `cp -RpL -- ${quote(folder)} ${work(`old-${spot.number}`)}`,
          ...(spot.number === 1
            ? [
                `openssl x509 -in ${quote(`${folder}/fullchain.pem`)} -out ${FILES.oldCertificate}`,
                `${restOf(quote(`${folder}/fullchain.pem`))} > ${FILES.oldChain}`,
              ]
            : []),
        ],
      }),
    ];
  },

  renew(spot) {
    const { folder, name } = lineageOf(spot);
    return [
      step('Find out why certbot has not renewed it', {
        text: ['The usual reasons: a name that is no longer in DNS, port 80 closed, a timer that does not run.'],
        commands: [
          `certbot certificates --cert-name ${quote(name)}`,
          'systemctl list-timers --all | grep -i certbot || true',
          `certbot renew --cert-name ${quote(name)} --dry-run`,
        ],
      }),
      step('Renew it', {
        commands: [
          `certbot renew --cert-name ${quote(name)} --force-renewal`,
          `openssl x509 -in ${quote(`${folder}/fullchain.pem`)} -out ${FILES.certificate}`,
          `${restOf(quote(`${folder}/fullchain.pem`))} > ${FILES.chain}`,
          `cp -L -- ${quote(`${folder}/privkey.pem`)} ${FILES.key}`,
        ],
      }),
    ];
  },

  install: (spot) => [reload(spot)],

  restore: (spot) => [
    step(`Let the server read ${work(`old-${spot.number}`)} until certbot works again`, {
      text: ['Certbot cannot go back by itself: point ssl_certificate (or its like) to the copy, and reload.'],
    }),
  ],
};

function lineageOf({ home }: Spot): { readonly folder: string; readonly name: string } {
  const { folder = '', name = '' } = LINEAGE.exec(home.location.location)?.groups ?? {};
  return { folder, name };
}
