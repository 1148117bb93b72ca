import type { Fact } from '../inventory/fact.ts';
import type { InventoryIndex } from '../inventory/inventory-index.ts';
import type { KnownCertificate } from '../inventory/model.ts';

/** What the rules may ask of the rest of the inventory. Synchronous: whatever it takes to answer was gathered before. */
export interface InventoryView extends Omit<InventoryIndex, 'note' | 'forget' | 'recall' | 'clientTrust'> {
  /** Whether the certificate is a root of the public web, as browsers and operating systems ship them. */
  isPublicRoot(fingerprint: string): boolean;
  /** Whether a root of the public web has issued the certificate, by what it says of its issuer. */
  hasPublicIssuer(certificate: KnownCertificate): boolean;
  /** Expected time between two looks of the source, milliseconds; `undefined` for a source that is not running. */
  intervalMs(source: string): number | undefined;
  /**
   * What enrichers learned of a certificate (by its fingerprint), of a name (by `nameSubject()`) or of the clock
   * (`CLOCK_SUBJECT`): at most one of each kind by each enricher. Empty when none is switched on.
   */
  facts(subject: string): readonly Fact[];
}
