import { dirname, resolve } from 'node:path';

import type { ContainerPart } from '../../src/certificate/part.ts';
import type { Context } from '../../src/plugin/context.ts';
import { CollectError } from '../../src/plugin/error.ts';
import type { Reference } from '../../src/plugin/item.ts';
import type { Problem } from '../../src/plugin/observation.ts';
import type { Reason } from '../../src/plugin/reason.ts';
import { looksLikeSaml, readSaml, type SamlMetadata } from '../../src/saml/metadata.ts';
import { contentOfSections, type Content, type FileSite, type PrivateKeyPart, type Section } from './content.ts';
import type { Failure } from './failure.ts';
import {
  endpointOf,
  looksLikeKubeconfig,
  readKubeconfig,
  type Kubeconfig,
  type KubeconfigCluster,
  type KubeconfigUser,
} from './kubeconfig.ts';
import { readInlineConfig, type InlineConfig } from './openvpn.ts';
import { isFailure, ownBytes, readBounded } from './read.ts';

/** Larger texts are searched for PEM blocks alone. */
const MAX_TEXT = 16 * 1024 * 1024;
/** Inline values and files that one configuration names, and how large each may be. */
const MAX_PARTS = 10_000;
const MAX_NAMED_BYTES = 1024 * 1024;

/** What reading the formats in which others are wrapped takes. */
export interface StructuredTools {
  readonly isolate: Context['isolate'];
  /** The parts of a value or a file, with the passwords for the file that they are in. */
  parse(bytes: Uint8Array): Promise<readonly ContainerPart[]>;
}

/** Whether a text begins as no container does, so that it may be one of these formats. */
export function mayBeStructured(bytes: Uint8Array): boolean {
  if (bytes.length > MAX_TEXT) return false;
  for (const octet of bytes.subarray(0, 64)) {
    // White space, and the three octets of a BOM.
    if (octet === 0x20 || (octet >= 0x09 && octet <= 0x0d) || octet >= 0xbb) continue;
    return octet !== 0x2d && octet !== 0x30 && octet > 0x20;
  }
  return false;
}

/** What a kubeconfig, SAML metadata or a configuration with inline blocks holds; undefined when the text is none of these. */
export async function readStructured(
  bytes: Buffer,
  site: FileSite,
  tools: StructuredTools,
): Promise<Content | undefined> {
  const text = bytes.toString('utf8');
  if (looksLikeKubeconfig(text)) {
    const result = await bounded(readKubeconfig(text, tools.isolate));
    if (result.kind === 'malformed') return unread(site, 'the kubeconfig', result);
    if (result.kind === 'kubeconfig') return kubeconfigContent(result.config, site, tools);
  }
  if (looksLikeSaml(text)) {
    const result = await bounded(readSaml(text, tools.isolate));
    if (result.kind === 'malformed') return unread(site, 'the SAML metadata', result);
    if (result.kind === 'metadata') return samlContent(result, site, tools);
  }
  const inline = readInlineConfig(text);
  return inline === undefined ? undefined : inlineContent(inline, site, tools);
}

interface Malformed {
  readonly kind: 'malformed';
  readonly reason?: Reason;
  readonly detail: string;
}

/** What takes more than it may is told as what the text is, and not as a failure of the whole look. */
async function bounded<Result>(reading: Promise<Result>): Promise<Result | Malformed> {
  try {
    return await reading;
  } catch (error) {
    if (!(error instanceof CollectError)) throw error;
    return { kind: 'malformed', reason: error.reason, detail: error.message };
  }
}

function unread({ path }: FileSite, what: string, { reason = 'malformed', detail }: Malformed): Content {
  return { kind: 'unread', failure: { reason, detail: `${path}: ${what} cannot be read: ${detail}` } };
}

function nothingIn({ path }: FileSite, what: string): Content {
  return { kind: 'other', failure: { reason: 'empty', detail: `${path} is ${what} without certificates` } };
}

/** What one value holds, and what is wrong with it. */
interface Value {
  readonly parts: readonly ContainerPart[];
  readonly problems: readonly Problem[];
}

async function kubeconfigContent(config: Kubeconfig, site: FileSite, tools: StructuredTools): Promise<Content> {
  const servers = new Map(config.clusters.map(({ name, server }) => [name, endpointOf(server)]));
  const sections: Section[] = [];
  const problems: Problem[] = [];
  let readsFiles = false;

  /** Parts of a value in base64, or of the file that it names. */
  async function read(data: string | undefined, file: string | undefined, place: string): Promise<Value> {
    if (data !== undefined) return { parts: await tools.parse(Buffer.from(data, 'base64')), problems: [] };
    if (file === undefined) return { parts: [], problems: [] };
    readsFiles = true;
    const content = readBounded(resolve(dirname(site.path), file), MAX_NAMED_BYTES);
    if (!isFailure(content)) return { parts: await tools.parse(ownBytes(content)), problems: [] };
    return { parts: [], problems: [{ reason: content.reason, place, detail: `${site.path}: ${content.detail}` }] };
  }

  async function user({ name, certificateData, certificateFile, keyData, keyFile }: KubeconfigUser): Promise<void> {
    const place = `user/${name}`;
    const certificate = await read(certificateData, certificateFile, place);
    problems.push(...certificate.problems);
    if (certificate.parts.length === 0) return;
    // That a key cannot be read is no gap: it would only have been compared.
    const { parts } = await read(keyData, keyFile, place);
    const mine = config.contexts.filter((context) => context.user === name);
    sections.push({
      parts: certificate.parts,
      place,
      role: 'client',
      usedBy: references(mine.map((context) => servers.get(context.cluster))),
      keys: parts.filter((part): part is PrivateKeyPart => part.kind === 'private-key'),
    });
  }

  async function cluster({ name, authorityData, authorityFile }: KubeconfigCluster): Promise<void> {
    const place = `cluster/${name}`;
    const authority = await read(authorityData, authorityFile, place);
    problems.push(...authority.problems);
    if (authority.parts.length === 0) return;
    // By it the client judges the server. The server does not use it: a reference would say whose clients it lets in.
    sections.push({ parts: authority.parts, place, role: 'trust-anchor' });
  }

  for (const one of config.users) await user(one);
  for (const one of config.clusters) await cluster(one);
  const content = contentOfSections(sections, problems, site);
  if (content !== undefined) return { ...content, isVolatile: content.isVolatile || readsFiles };
  const [first] = problems;
  return first === undefined ? nothingIn(site, 'a kubeconfig') : { kind: 'unread', failure: toFailure(first) };
}

function toFailure({ reason, detail }: Problem): Failure {
  return { reason, detail };
}

function references(endpoints: readonly (string | undefined)[]): readonly Reference[] {
  return [...new Set(endpoints.flatMap((endpoint) => endpoint ?? []))].map((id) => ({ type: 'endpoint', id }));
}

async function samlContent(
  { certificates, isCut, misplaced }: SamlMetadata,
  site: FileSite,
  tools: StructuredTools,
): Promise<Content> {
  const sections: Section[] = [];
  for (const { entityId, use, base64 } of certificates) {
    const place = entityId === '' ? 'metadata' : `${use === 'encryption' ? 'encryption' : 'signing'}/${entityId}`;
    const bytes = Buffer.from(base64, 'base64');
    sections.push({ parts: await tools.parse(bytes), place, role: 'signer' });
  }
  const problems: Problem[] = isCut
    ? [
        {
          reason: 'partial',
          detail: `${site.path} holds more than ${certificates.length} certificates; the rest was not read`,
        },
      ]
    : [];
  if (misplaced > 0) {
    problems.push({
      reason: 'malformed',
      place: 'misplaced',
      detail: `${site.path} holds ${misplaced} entities or keys where none belong, or an entity twice: they are left out; what believes them may be deceived`,
    });
  }
  return contentOfSections(sections, problems, site) ?? nothingIn(site, 'SAML metadata');
}

async function inlineContent(
  config: InlineConfig,
  site: FileSite,
  tools: StructuredTools,
): Promise<Content | undefined> {
  const usedBy = references(config.remotes);
  const parts = new Map<string, readonly ContainerPart[]>();
  for (const { tag, body } of config.blocks) {
    const found = await tools.parse(Buffer.from(body, 'latin1'));
    parts.set(tag, found.slice(0, MAX_PARTS));
  }
  const keys = (parts.get('key') ?? []).filter((part): part is PrivateKeyPart => part.kind === 'private-key');
  const sections = [...parts].flatMap(([tag, found]): Section[] => {
    switch (tag) {
      case 'ca':
        return [{ parts: found, place: tag, role: 'trust-anchor' }];
      case 'key':
        return [];
      case 'cert':
      case 'pkcs12':
        return [
          { parts: found, place: tag, usedBy, keys, ...(config.side === 'unknown' ? {} : { role: config.side }) },
        ];
      default:
        return [{ parts: found, place: tag }];
    }
  });
  return contentOfSections(sections, [], site);
}
