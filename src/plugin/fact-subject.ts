/** The subject of facts about a name of certificates; those about a certificate go by its fingerprint. */
export function nameSubject(name: string): string {
  return `name:${name.toLowerCase()}`;
}

/** The subject of the one fact about the clock. */
export const CLOCK_SUBJECT = 'clock';
