import type { ContainerPart } from '../../src/certificate/part.ts';

/** What was found, in a few words: `identity leaf (alias), key yes`. */
export function briefly(part: ContainerPart): string {
  const alias = part.alias === undefined ? '' : ` (${part.alias})`;
  switch (part.kind) {
    case 'certificate': {
      const name = part.certificate.subject.commonName ?? part.certificate.subject.text;
      return `${part.use ?? 'certificate'} ${name}${alias}${part.keyMatch === undefined ? '' : `, key ${part.keyMatch}`}`;
    }
    case 'crl':
      return `crl ${part.crl.issuer.commonName ?? part.crl.issuer.text}${alias}`;
    case 'private-key':
      return `key${alias}${part.encrypted ? ', encrypted' : ''}`;
    case 'problem':
      return `${part.problem}: ${part.detail}`;
  }
}
