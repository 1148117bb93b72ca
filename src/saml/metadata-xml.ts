import { SaxesParser } from 'saxes';

import type { SamlCertificate, SamlResult } from './metadata.ts';

/** saml-metadata-2.0-os, section 2; and XML-Signature for the certificates. */
const METADATA = 'urn:oasis:names:tc:SAML:2.0:metadata';
const SIGNATURE = 'http://www.w3.org/2000/09/xmldsig#';

/** Certificates of one file: the metadata of whole federations hold some thousands. */
const MAX_CERTIFICATES = 10_000;
const MAX_DEPTH = 64;

/** Where the parser is: what an element means depends on what it stands in. */
type Spot = 'entities' | 'entity' | 'role' | 'key' | 'signature' | 'inside' | 'stray';

/**
 * Runs in a process of its own: see `readSaml`. The parser knows no entities but the five of XML, and asks nobody for
 * anything: a document type that defines others makes the text malformed.
 */
export function isolated(source: string): SamlResult {
  const certificates: SamlCertificate[] = [];
  const entityIds = new Set<string>();
  const spots: Spot[] = [];
  let entityId = '';
  let use: SamlCertificate['use'] = 'signing';
  let misplaced = 0;
  let base64: string | undefined;
  const parser = new SaxesParser({ xmlns: true });
  parser.on('error', (error) => {
    throw new Malformed(error.message.split('\n')[0] ?? '');
  });
  parser.on('opentag', ({ uri, local, attributes }) => {
    if (spots.length >= MAX_DEPTH) throw new Malformed(`it nests deeper than ${MAX_DEPTH} elements`);
    const parent = spots.at(-1);
    const isMetadata = uri === METADATA;
    if (parent === undefined && !(isMetadata && /^Entit(?:y|ies)Descriptor$/.test(local))) throw new Other();
    let spot: Spot = parent === 'stray' ? 'stray' : 'inside';
    if (isMetadata && local === 'EntitiesDescriptor') {
      spot = parent === undefined || parent === 'entities' ? 'entities' : 'stray';
    } else if (isMetadata && local === 'EntityDescriptor') {
      const id = attributes['entityID']?.value ?? '';
      const isHere = (parent === undefined || parent === 'entities') && !entityIds.has(id);
      spot = isHere ? 'entity' : 'stray';
      if (isHere) entityIds.add((entityId = id));
    } else if (isMetadata && local === 'KeyDescriptor') {
      spot = parent === 'role' ? 'key' : 'stray';
      use = useOf(attributes['use']?.value);
    } else if (uri === SIGNATURE && local === 'Signature') {
      spot = parent === 'entity' || parent === 'entities' ? 'signature' : 'stray';
    } else if (parent === 'entity' && isMetadata && ROLES.test(local)) {
      spot = 'role';
    } else if (parent === 'key' || parent === 'signature') {
      // Below a key or a signature only what describes the key counts, and not an Object, which may hold anything.
      spot = uri === SIGNATURE && local === 'Object' ? 'inside' : parent;
    }
    if (spot === 'stray' && parent !== 'stray') misplaced += 1;
    if (uri === SIGNATURE && local === 'X509Certificate' && (spot === 'key' || spot === 'signature')) base64 = '';
    spots.push(spot);
  });
  parser.on('text', (text) => {
    if (base64 !== undefined) base64 += text;
  });
  parser.on('cdata', (text) => {
    if (base64 !== undefined) base64 += text;
  });
  parser.on('closetag', ({ uri, local }) => {
    const spot = spots.pop();
    if (uri !== SIGNATURE || local !== 'X509Certificate' || base64 === undefined) return;
    if (certificates.length >= MAX_CERTIFICATES) throw new Enough();
    certificates.push(spot === 'key' ? { entityId, use, base64 } : { entityId: '', use: 'signing', base64 });
    base64 = undefined;
  });
  const result = (isCut: boolean): SamlResult => ({
    kind: 'metadata',
    certificates,
    entityIds: [...entityIds],
    misplaced,
    isCut,
  });
  try {
    parser.write(source).close();
  } catch (error) {
    if (error instanceof Other) return { kind: 'other' };
    if (error instanceof Enough) return result(true);
    if (error instanceof Malformed) return { kind: 'malformed', detail: error.message };
    throw error;
  }
  return result(false);
}

/** saml-metadata-2.0-os, section 2.4. */
const ROLES =
  /^(?:RoleDescriptor|IDPSSODescriptor|SPSSODescriptor|AuthnAuthorityDescriptor|AttributeAuthorityDescriptor|PDPDescriptor)$/;

/** It is XML of another kind: nothing is read on. */
class Other extends Error {}
class Enough extends Error {}
class Malformed extends Error {}

function useOf(use: string | undefined): SamlCertificate['use'] {
  return use === 'signing' || use === 'encryption' ? use : 'both';
}
