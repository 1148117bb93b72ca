import type { RenewalFact } from '../inventory/fact.ts';
import type { KnownCertificate } from '../inventory/model.ts';
import { endsAt, lifetimeMs } from './kind.ts';
import type { Subject } from './subject.ts';

/** CAs ask for renewal when a third of the lifetime is left, of short ones a half; a window that ends before this share of it was moved. */
const EARLY_SHARE = 0.4;

/** The window in which the CA asks for the renewal of a certificate, where it is known (RFC 9773). */
export function renewalWindow({ view }: Subject, { id }: KnownCertificate): RenewalFact | undefined {
  return view.facts(id).find((fact) => fact.kind === 'renewal');
}

/** Whether the CA wants it earlier than usual. */
export function wasMoved({ endAt, explanationUrl }: RenewalFact, item: KnownCertificate): boolean {
  if (explanationUrl !== undefined) return true;
  const lifeMs = lifetimeMs(item);
  const end = endsAt(item);
  return lifeMs !== undefined && end !== undefined && endAt < end - lifeMs + lifeMs * EARLY_SHARE;
}
