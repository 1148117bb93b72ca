import { CollectError } from '../../src/plugin/error.ts';

/** What is read of any object; everything in `body` is still to be judged. */
export interface KubeObject {
  readonly name: string;
  /** Absent for what belongs to no namespace. */
  readonly namespace?: string;
  /** Another one for an object of the same name that was made anew. */
  readonly uid: string;
  /** Another one after each change. */
  readonly version: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  /** Kinds of what it belongs to, each with its name: `Certificate/web`. */
  readonly owners: readonly string[];
  readonly body: Dict;
}

export type Dict = Readonly<Record<string, unknown>>;

/** Reads one item of a list; undefined when it is no object of a cluster. */
export function readObject(bytes: Buffer): KubeObject | undefined {
  let body: Dict;
  try {
    body = dict(JSON.parse(bytes.toString('utf8')));
  } catch {
    return undefined;
  }
  const metadata = dict(body['metadata']);
  const name = text(metadata['name']);
  if (name === undefined) return undefined;
  const namespace = text(metadata['namespace']);
  return {
    name,
    ...(namespace === undefined ? {} : { namespace }),
    uid: text(metadata['uid']) ?? '',
    version: text(metadata['resourceVersion']) ?? '',
    labels: texts(metadata['labels']),
    annotations: texts(metadata['annotations']),
    owners: list(metadata['ownerReferences']).map((owner) => {
      const { kind, name: ownerName } = dict(owner);
      return `${text(kind) ?? ''}/${text(ownerName) ?? ''}`;
    }),
    body,
  };
}

/** What an object that is too long to be read is called. */
export function nameIn(start: Buffer): string {
  const [, name = 'unknown'] = /"name"\s*:\s*"([^"\\]{1,253})"/.exec(start.toString('latin1')) ?? [];
  const [, namespace] = /"namespace"\s*:\s*"([^"\\]{1,63})"/.exec(start.toString('latin1')) ?? [];
  return namespace === undefined ? name : `${namespace}/${name}`;
}

export function dict(value: unknown): Dict {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Dict) : {};
}

export function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

export function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

export function textList(value: unknown): readonly string[] {
  return list(value).filter((one) => typeof one === 'string');
}

/** Entries whose values are text. */
export function texts(value: unknown): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(dict(value)).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  );
}

/** An instant of the cluster (RFC 3339). */
export function instant(value: unknown): Date | undefined {
  const at = typeof value === 'string' ? Date.parse(value) : Number.NaN;
  return Number.isNaN(at) ? undefined : new Date(at);
}

/** Bytes as a cluster writes them: base64 in the JSON. Throws CollectError for what is none. */
export function bytesIn(value: unknown): Buffer {
  if (typeof value !== 'string') return Buffer.alloc(0);
  if (!/^[A-Za-z0-9+/=\s]*$/.test(value)) throw new CollectError('malformed', 'the value is not base64');
  return Buffer.from(value, 'base64');
}
