import { SEVERITIES, type Severity } from '../plugin/notification.ts';

/** Negative when `a` is milder than `b`, positive when it is worse, 0 when they are the same. */
export function compareSeverity(a: Severity, b: Severity): number {
  return SEVERITIES.indexOf(a) - SEVERITIES.indexOf(b);
}

/** The worse of the two. */
export function worst(a: Severity, b: Severity): Severity {
  return compareSeverity(a, b) >= 0 ? a : b;
}
