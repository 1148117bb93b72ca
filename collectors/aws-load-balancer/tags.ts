import { attempt, detailsCut } from '../../src/cloud/observation.ts';
import { tagLabels } from '../../src/cloud/tags.ts';
import { CollectError } from '../../src/plugin/error.ts';
import type { Observation } from '../../src/plugin/observation.ts';
import type { Elb, LabelsByArn } from './parts.ts';

/** The most that ELB tells of in one call. */
const BATCH = 20;

/** Labels from the tags of these things. */
export async function tagsOf({ look, elb, client, gaps }: Elb, arns: readonly string[]): Promise<LabelsByArn> {
  const found = new Map<string, Pick<Observation, 'labels'>>();
  if (look.tags.length === 0) return found;
  for (let start = 0; start < arns.length; start += BATCH) {
    const command = new elb.DescribeTagsCommand({ ResourceArns: arns.slice(start, start + BATCH) });
    const answer = await attempt(
      look.call({ action: 'elasticloadbalancing:DescribeTags' }, (options) => client.send(command, options)),
    );
    if (answer instanceof CollectError) {
      gaps.push(detailsCut('DescribeTags', answer));
      return found;
    }
    for (const { ResourceArn: arn, Tags: tags } of answer.TagDescriptions ?? []) {
      if (arn !== undefined) found.set(arn, tagLabels(look.tags, tags ?? []));
    }
  }
  return found;
}
