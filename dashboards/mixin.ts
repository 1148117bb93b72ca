/** What the dashboard and the alert rules share. Change it here and run `npm run generate`. */
export const mixin = {
  /** The scrape job of notafter: only what asks whether notafter itself is up needs it. */
  job: 'notafter',
  titlePrefix: 'Notafter / ',
  tags: ['notafter-mixin'],
  /** The page that every alert links to; the name of the alert is appended. */
  runbookUrl: 'https://unpkg.com/notafter/docs/guides/prometheus-alerts.md#',
  dayS: 86_400,
} as const;

/** Certificates that somebody presents or issues with. Roots in a bundle may be past their end without harm. */
export function certificates(...matchers: readonly string[]): string {
  return `notafter_certificate_not_after_timestamp_seconds{${['role!="trust-anchor"', ...matchers].join(', ')}}`;
}
