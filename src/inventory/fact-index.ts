import type { EnricherName, Fact, Inquiry } from './fact.ts';

const NONE: readonly Fact[] = [];

/** Inquiries in memory, found by enricher and subject, and the facts among them by subject. */
export class FactIndex {
  private readonly bySubject = new Map<string, Map<EnricherName, Inquiry>>();

  constructor(inquiries: Iterable<Inquiry> = []) {
    for (const inquiry of inquiries) this.set(inquiry);
  }

  get(enricher: EnricherName, subject: string): Inquiry | undefined {
    return this.bySubject.get(subject)?.get(enricher);
  }

  set(inquiry: Inquiry): void {
    const known = this.bySubject.get(inquiry.subject);
    if (known === undefined) this.bySubject.set(inquiry.subject, new Map([[inquiry.enricher, inquiry]]));
    else known.set(inquiry.enricher, inquiry);
  }

  delete(enricher: EnricherName, subject: string): void {
    const known = this.bySubject.get(subject);
    known?.delete(enricher);
    if (known?.size === 0) this.bySubject.delete(subject);
  }

  /** Everything that was asked about a subject. */
  of(subject: string): readonly Inquiry[] {
    return [...(this.bySubject.get(subject)?.values() ?? [])];
  }

  /** The facts about a subject; empty when nothing is known of it. */
  facts(subject: string): readonly Fact[] {
    // Without enrichers nobody has to look for anything, and that is asked very often.
    const known = this.bySubject.size === 0 ? undefined : this.bySubject.get(subject);
    return known === undefined ? NONE : [...known.values()].flatMap(({ fact }) => fact ?? []);
  }

  *inquiries(): Iterable<Inquiry> {
    for (const known of this.bySubject.values()) yield* known.values();
  }
}
