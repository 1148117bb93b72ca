import { readdirSync } from 'node:fs';

import { certificateStem, keyStem, saysCertificate } from './pair.ts';

/** What lies beside a file. Everything is worked out when it is asked for, since hardly ever anybody asks. */
export class Folder {
  readonly path: string;
  private readonly read: () => readonly string[];
  private listed: readonly string[] | undefined;
  private keys: ReadonlyMap<string, string> | undefined;

  private constructor(path: string, read: () => readonly string[]) {
    this.path = path;
    this.read = read;
  }

  /** A folder whose entries are known. */
  static of(path: string, names: () => readonly string[]): Folder {
    return new Folder(path, names);
  }

  /** A folder that was not walked; one that cannot be read counts as empty. */
  static at(path: string): Folder {
    return new Folder(path, () => {
      try {
        return readdirSync(path);
      } catch {
        return [];
      }
    });
  }

  /** The names of its entries, in no order. */
  get names(): readonly string[] {
    return (this.listed ??= this.read());
  }

  /** The file that should hold the private key of the certificate in the file `name`; undefined when none is called so. */
  keyFor(name: string): string | undefined {
    this.keys ??= new Map(
      this.names.flatMap((one) => {
        const stem = keyStem(one);
        return stem === undefined ? [] : [[stem, one] as const];
      }),
    );
    if (this.keys.size === 0) return undefined;
    const stem = certificateStem(name);
    const key = stem === undefined ? undefined : this.keys.get(stem);
    return key === name ? undefined : key;
  }

  /** Whether another file is called as if the key of this certificate were its own: `x.pem` beside `x.crt` and `x.key`. */
  sharesKey(name: string): boolean {
    const stem = certificateStem(name);
    return this.names.some(
      (other) =>
        other !== name &&
        keyStem(other) === undefined &&
        certificateStem(other) === stem &&
        !(saysCertificate(other) && saysCertificate(name)),
    );
  }
}
