import { SaxesParser } from 'saxes';

import type { SamlCertificate, SamlResult } from './saml.ts';

/** saml-metadata-2.0-os, section 2; and XML-Signature for the certificates. */
const METADATA = 'urn:oasis:names:tc:SAML:2.0:metadata';
const SIGNATURE = 'http://www.w3.org/2000/09/xmldsig#';

/** Certificates of one file: the metadata of whole federations hold some thousands. */
const MAX_CERTIFICATES = 10_000;
const MAX_DEPTH = 64;

/**
 * Runs in a process of its own: see `readSaml`. The parser knows no entities but the five of XML, and asks nobody for
 * anything: a document type that defines others makes the text malformed.
 */
export function isolated(source: string): SamlResult {
  const certificates: SamlCertificate[] = [];
  const entities: string[] = [];
  const uses: SamlCertificate['use'][] = [];
  let depth = 0;
  let isMetadata = false;
  let base64: string | undefined;
  const parser = new SaxesParser({ xmlns: true });
  parser.on('error', (error) => {
    throw new Malformed(error.message.split('\n')[0] ?? '');
  });
  parser.on('opentag', ({ uri, local, attributes }) => {
    depth += 1;
    if (depth > MAX_DEPTH) throw new Malformed(`it nests deeper than ${MAX_DEPTH} elements`);
    if (depth === 1) isMetadata = uri === METADATA && (local === 'EntityDescriptor' || local === 'EntitiesDescriptor');
    if (!isMetadata) throw new Other();
    if (uri === METADATA && local === 'EntityDescriptor') entities.push(attributes['entityID']?.value ?? '');
    if (uri === METADATA && local === 'KeyDescriptor') uses.push(useOf(attributes['use']?.value));
    if (uri === SIGNATURE && local === 'X509Certificate') base64 = '';
  });
  parser.on('text', (text) => {
    if (base64 !== undefined) base64 += text;
  });
  parser.on('cdata', (text) => {
    if (base64 !== undefined) base64 += text;
  });
  parser.on('closetag', ({ uri, local }) => {
    depth -= 1;
    if (uri === METADATA && local === 'EntityDescriptor') entities.pop();
    if (uri === METADATA && local === 'KeyDescriptor') uses.pop();
    if (uri !== SIGNATURE || local !== 'X509Certificate' || base64 === undefined) return;
    if (certificates.length >= MAX_CERTIFICATES) throw new Enough();
    certificates.push({ entityId: entities.at(-1) ?? '', use: uses.at(-1) ?? 'signing', base64 });
    base64 = undefined;
  });
  try {
    parser.write(source).close();
  } catch (error) {
    if (error instanceof Other) return { kind: 'other' };
    if (error instanceof Enough) return { kind: 'metadata', certificates, isCut: true };
    if (error instanceof Malformed) return { kind: 'malformed', detail: error.message };
    throw error;
  }
  return { kind: 'metadata', certificates, isCut: false };
}

/** It is XML of another kind: nothing is read on. */
class Other extends Error {}
class Enough extends Error {}
class Malformed extends Error {}

function useOf(use: string | undefined): SamlCertificate['use'] {
  return use === 'signing' || use === 'encryption' ? use : 'both';
}
