import type { Observation } from '../plugin/observation.ts';

/** What becomes of a character that no label name may have, the way Prometheus' service discovery does it. */
function labelName(tag: string): string {
  return tag.replaceAll(/[^A-Za-z0-9_]/g, '_').replace(/^(?=\d)/, '_');
}

/**
 * Those tags as labels that are wanted: by their names in lower case, whatever their case in the cloud. `Owner` and `owner`
 * are one; the first counts.
 */
export function tagLabels(
  wanted: readonly string[],
  tags: Iterable<{ readonly Key?: string | undefined; readonly Value?: string | undefined }>,
): Pick<Observation, 'labels'> {
  const labels: Record<string, string> = {};
  for (const { Key: key, Value: value } of tags) {
    const name = key?.toLowerCase();
    if (name === undefined || value === undefined || value === '' || !wanted.includes(name)) continue;
    labels[labelName(name)] ??= value;
  }
  return Object.keys(labels).length === 0 ? {} : { labels };
}
