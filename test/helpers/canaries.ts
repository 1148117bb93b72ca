import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const MARK = 'CaNaRy';
const WHOLE = /CaNaRy\d{4}x7f3a9c5e/g;

/** Secrets that are planted in a config, each with a text of its own, so that one that leaks says which it is. */
export interface Canaries {
  /** A new secret for this field; `name` says which field it is. */
  make(name: string): string;
  /** The same as a file; `dress` makes what stands in it of the secret. Gives its path. */
  file(name: string, dress?: (secret: string) => string): string;
  /** The same as a variable of the environment: `${NAME}`. */
  variable(name: string, dress?: (secret: string) => string): string;
  readonly environment: Readonly<Record<string, string>>;
  /** Puts another secret into each file; `, round 2` follows its name. */
  rotate(): void;
  /** All that there are now, by name. */
  names(): readonly string[];
  /** Takes note of those that stand in what somebody was told. */
  hear(text: string): void;
  /** The names of those that somebody was told. */
  readonly heard: ReadonlySet<string>;
  /** The names of those that the text holds, in any form. */
  in(text: string): readonly string[];
  /** A text that is a secret though nobody chose it: a part of a private key. */
  note(name: string, secret: string): void;
}

export function createCanaries(folder: string): Canaries {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const names = new Map<string, string>();
  const environment: Record<string, string> = {};
  const files: (() => void)[] = [];
  const heard = new Set<string>();
  let count = 0;

  function make(name: string): string {
    count += 1;
    const secret = `${MARK}${String(count).padStart(4, '0')}x7f3a9c5e`;
    names.set(secret, name);
    return secret;
  }

  return {
    make,
    file(name, dress = (secret) => `${secret}\n`) {
      const place = path.join(folder, `secret-${files.length}`);
      let round = 0;
      const write = (): void => {
        round += 1;
        writeFileSync(place, dress(make(round === 1 ? name : `${name}, round ${round}`)), { mode: 0o600 });
      };
      files.push(write);
      write();
      return place;
    },
    variable(name, dress = (secret) => secret) {
      const variable = `NOTAFTER_CANARY_${Object.keys(environment).length}`;
      environment[variable] = dress(make(name));
      return `\${${variable}}`;
    },
    environment,
    rotate: () => {
      for (const write of files) write();
    },
    names: () => [...new Set(names.values())],
    hear(text) {
      for (const secret of text.match(WHOLE) ?? []) heard.add(names.get(secret) ?? secret);
    },
    heard,
    note: (name, secret) => void names.set(secret, name),
    in: (text) =>
      [...names].flatMap(([secret, name]) => (forms(secret).some((form) => text.includes(form)) ? [name] : [])),
  };
}

/** As it is, in hex, and in base64 wherever it stands in what is encoded. */
function forms(secret: string): readonly string[] {
  const base64 = [0, 1, 2].map((before) => {
    const text = Buffer.from(`${' '.repeat(before)}${secret}`).toString('base64');
    // What depends on the neighbours is left away.
    return text.slice(before === 0 ? 0 : 4, -4);
  });
  return [secret, Buffer.from(secret).toString('hex'), ...base64];
}

type Schema = Readonly<Record<string, unknown>>;

const ALTERNATIVES = ['anyOf', 'oneOf', 'allOf'];
/** Keys under which a secret may stand, or a file that holds one. */
const SUSPECT =
  /(?:^|_)(?:password|token|secret|webhook_url|routing_key|api_key|users)(?:_file)?$|_files?$|^kubeconfig$/;

/** Every field of a JSON Schema in which a secret or the path of a file may stand: `sources[]<vault>.auth<token>.token`. */
export function suspectFields(schema: Schema): ReadonlySet<string> {
  const found = new Set<string>();
  function walk(given: unknown, at: string): void {
    if (typeof given !== 'object' || given === null) return;
    const one = given as Schema;
    const properties = (one['properties'] ?? {}) as Record<string, Schema>;
    const kind = properties['type']?.['const'] ?? properties['method']?.['const'];
    const here = typeof kind === 'string' ? `${at}<${kind}>` : at;
    for (const key of ALTERNATIVES) for (const member of (one[key] ?? []) as readonly unknown[]) walk(member, here);
    walk(one['items'], `${here}[]`);
    for (const [name, value] of Object.entries(properties)) {
      const field = `${here}.${name}`.replace(/^\./, '');
      if (SUSPECT.test(name)) found.add(field);
      walk(value, field);
    }
  }
  walk(schema, '');
  return found;
}

/** Every field of a config that has a value, written as `suspectFields` does. */
export function fieldsOf(config: unknown): ReadonlySet<string> {
  const found = new Set<string>();
  function walk(value: unknown, at: string): void {
    if (Array.isArray(value)) for (const one of value) walk(one, `${at}[]`);
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return;
    const { type, method } = value as { readonly type?: unknown; readonly method?: unknown };
    const kind = type ?? method;
    for (const [name, below] of Object.entries(value)) {
      const field = `${at}${typeof kind === 'string' ? `<${kind}>` : ''}.${name}`.replace(/^\./, '');
      found.add(field);
      walk(below, field);
    }
  }
  walk(config, '');
  return found;
}
