import { FILES, work } from '../shell.ts';
import { hasChain, type Spot } from './guide.ts';

/** The successor as a PFX file with a password of its own, as the stores of Azure take it; words for the shell. */
export const PFX = {
  file: work('new.pfx'),
  password: `"$(cat ${work('pfx-password')})"`,
  remove: `rm -f ${work('new.pfx')} ${work('pfx-password')}`,
} as const;

export function makePfx(spot: Spot): readonly string[] {
  const chain = hasChain(spot) ? ` -certfile ${FILES.chain}` : '';
  return [
    `openssl rand -hex 16 > ${work('pfx-password')}`,
    `openssl pkcs12 -export -in ${FILES.certificate} -inkey ${FILES.key}${chain} -out ${PFX.file} -passout file:${work('pfx-password')}`,
  ];
}
