import type { JavaReader } from './java-reader.ts';
import { KeystoreError } from './keystore-error.ts';

/** Objects, classes and arrays within one another; a sealed key has four levels. */
const MAX_DEPTH = 32;
/** Elements of one stream; a sealed key has some twenty. */
const MAX_STEPS = 10_000;

const STREAM_MAGIC = 0xaced;
const STREAM_VERSION = 5;

/** Type codes of the stream (Java Object Serialization Specification, 6.4.2). */
const Code = {
  null: 0x70,
  reference: 0x71,
  classDescription: 0x72,
  object: 0x73,
  string: 0x74,
  array: 0x75,
  class: 0x76,
  blockData: 0x77,
  endBlockData: 0x78,
  reset: 0x79,
  blockDataLong: 0x7a,
  longString: 0x7c,
  enum: 0x7e,
} as const;

/** Flags of a class description (6.4.2). */
const HAS_WRITE_METHOD = 0x01;
const IS_SERIALIZABLE = 0x02;
const IS_EXTERNALIZABLE = 0x04;
const HAS_BLOCK_DATA = 0x08;

const FIRST_HANDLE = 0x7e0000;

interface ClassDescription {
  readonly flags: number;
  /** Type letters of the fields, in order. */
  readonly fields: readonly string[];
  readonly name: string;
  readonly parent: ClassDescription | undefined;
}

/**
 * Walks over one serialized Java object at `reader`, which has no length of its own, so that what lies behind it can be
 * read. Nothing is instantiated and nothing is kept. Throws `KeystoreError`.
 */
export function skipSerializedObject(reader: JavaReader): void {
  if (reader.u2() !== STREAM_MAGIC || reader.u2() !== STREAM_VERSION) {
    throw new KeystoreError('a serialized object is expected', reader.at - 4);
  }
  new Walker(reader).content(0);
}

class Walker {
  private readonly reader: JavaReader;
  private readonly handles: (ClassDescription | undefined)[] = [];
  private steps = 0;

  constructor(reader: JavaReader) {
    this.reader = reader;
  }

  /** One object, array, string, class or null (rule `content` of 6.4.1). */
  content(depth: number): void {
    this.contentOf(this.code(depth), depth);
  }

  private contentOf(code: number, depth: number): void {
    const { reader } = this;
    switch (code) {
      case Code.null:
        return;
      case Code.reference:
        reader.skip(4);
        return;
      case Code.object: {
        const description = this.classDescription(depth + 1);
        this.handles.push(undefined);
        this.classData(description, depth);
        return;
      }
      case Code.array:
        this.array(depth);
        return;
      case Code.string:
        this.handles.push(undefined);
        reader.skip(reader.u2());
        return;
      case Code.longString:
        this.handles.push(undefined);
        if (reader.length() !== 0) throw new KeystoreError('a text is too long', reader.at);
        reader.skip(reader.length());
        return;
      case Code.class:
        this.classDescription(depth + 1);
        this.handles.push(undefined);
        return;
      case Code.enum:
        this.classDescription(depth + 1);
        this.handles.push(undefined);
        this.content(depth + 1);
        return;
      case Code.blockData:
        reader.skip(reader.u1());
        return;
      case Code.blockDataLong:
        reader.skip(reader.length());
        return;
      default:
        throw new KeystoreError('a serialized object is not understood', reader.at - 1);
    }
  }

  private code(depth: number): number {
    this.steps += 1;
    if (depth > MAX_DEPTH || this.steps > MAX_STEPS) {
      throw new KeystoreError('a serialized object is too large or too deep', this.reader.at);
    }
    return this.reader.u1();
  }

  private classDescription(depth: number): ClassDescription | undefined {
    const { reader } = this;
    const code = this.code(depth);
    switch (code) {
      case Code.null:
        return undefined;
      case Code.reference:
        return this.handles[reader.length() - FIRST_HANDLE];
      case Code.classDescription: {
        const name = reader.utf();
        reader.skip(8);
        const slot = this.handles.push(undefined) - 1;
        const flags = reader.u1();
        const fields = this.fields(depth);
        this.annotations(depth);
        const description = { flags, fields, name, parent: this.classDescription(depth + 1) };
        this.handles[slot] = description;
        return description;
      }
      default:
        throw new KeystoreError('a serialized class is not understood', reader.at - 1);
    }
  }

  private fields(depth: number): string[] {
    const { reader } = this;
    const fields: string[] = [];
    for (let count = reader.u2(); count > 0; count--) {
      const type = String.fromCharCode(reader.u1());
      reader.skip(reader.u2());
      // The name of its class, as a string that others refer to.
      if (type === '[' || type === 'L') this.content(depth + 1);
      fields.push(type);
    }
    return fields;
  }

  private annotations(depth: number): void {
    for (;;) {
      const code = this.code(depth);
      if (code === Code.endBlockData) return;
      this.contentOf(code, depth + 1);
    }
  }

  /** The fields of an object, those of the topmost class first. */
  private classData(description: ClassDescription | undefined, depth: number): void {
    if (description === undefined) return;
    this.classData(description.parent, depth + 1);
    const { flags } = description;
    if ((flags & IS_SERIALIZABLE) !== 0) {
      for (const type of description.fields) this.value(type, depth);
      if ((flags & HAS_WRITE_METHOD) !== 0) this.annotations(depth);
    } else if ((flags & IS_EXTERNALIZABLE) !== 0) {
      // Without block data only the class itself knows where it ends.
      if ((flags & HAS_BLOCK_DATA) === 0) throw new KeystoreError('a serialized object has no end', this.reader.at);
      this.annotations(depth);
    }
  }

  private array(depth: number): void {
    const { reader } = this;
    const description = this.classDescription(depth + 1);
    this.handles.push(undefined);
    const type = description?.name[1] ?? '';
    const count = reader.length();
    const size = PRIMITIVE_SIZES[type];
    if (size !== undefined) {
      reader.skip(size * count);
      return;
    }
    for (let index = 0; index < count; index++) this.value(type, depth);
  }

  private value(type: string, depth: number): void {
    const size = PRIMITIVE_SIZES[type];
    if (size !== undefined) this.reader.skip(size);
    else if (type === 'L' || type === '[') this.content(depth + 1);
    else throw new KeystoreError('a serialized field is not understood', this.reader.at);
  }
}

const PRIMITIVE_SIZES: Readonly<Record<string, number>> = { B: 1, C: 2, D: 8, F: 4, I: 4, J: 8, S: 2, Z: 1 };
