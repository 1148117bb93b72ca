import { compareSeverity, type Severity } from '../plugin/notification.ts';

/** The worse of the two. */
export function worst(a: Severity, b: Severity): Severity {
  return compareSeverity(a, b) >= 0 ? a : b;
}
