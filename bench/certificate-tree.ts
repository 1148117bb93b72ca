import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { createAuthority, createKey } from '../test/helpers/pki.ts';

/** What a tree of certificates holds. */
export interface CertificateTree {
  readonly files: number;
  readonly folders: number;
  /** Distinct certificates of servers and clients; their authorities come on top. */
  readonly distinct: number;
}

const FILES_PER_FOLDER = 100;
const KEYS = 50;
/** Of ten files so many hold the chain as well. */
const CHAINS_OF_TEN = 1;

/** Fills a folder as fleets do: services below tenants, every certificate at many places, a chain of three in every tenth file. */
export function growCertificateTree(
  root: string,
  { files, distinct }: Pick<CertificateTree, 'files' | 'distinct'>,
): CertificateTree {
  const top = createAuthority({ name: 'Bench Root' });
  const middle = createAuthority({ name: 'Bench Intermediate', parent: top });
  const lower = createAuthority({ name: 'Bench Issuing', parent: middle });
  const keys = Array.from({ length: KEYS }, (_, index) => createKey(index % 2 === 0 ? 'ec' : 'rsa'));
  const leaves = Array.from({ length: distinct }, (_, index) => {
    const key = keys[index % KEYS];
    const names = Array.from(
      { length: 1 + (index % 10 === 0 ? 20 : index % 4) },
      (__, name) => `n${name}.host-${index}.example`,
    );
    return lower.issue({ names, ...(key === undefined ? {} : { key }) });
  });
  let folders = 1;
  for (let first = 0; first < files; first += FILES_PER_FOLDER) {
    const folder = first / FILES_PER_FOLDER;
    const under = path.join(root, `tenant-${folder % 20}`, `service-${folder}`);
    mkdirSync(under, { recursive: true });
    folders += folder < 20 ? 2 : 1;
    for (let index = first; index < Math.min(files, first + FILES_PER_FOLDER); index++) {
      const leaf = leaves[(index * 7) % distinct];
      const text = index % 10 < CHAINS_OF_TEN ? leaf?.chainPem : leaf?.pem;
      writeFileSync(path.join(under, `host-${index}.pem`), text ?? '');
    }
  }
  return { files, folders, distinct };
}
