import { awsFault, awsJson, type FakeAws } from '../fake-aws.ts';
import { epochSeconds, pageOf } from './page.ts';

export interface FakeSecret {
  readonly name: string;
  readonly text?: string;
  readonly binary?: Uint8Array;
  readonly changed?: Date;
  readonly tags?: Readonly<Record<string, string>>;
}

export const secretArn = (name: string): string =>
  `arn:aws:secretsmanager:eu-west-1:111122223333:secret:${name}-AbCdEf`;

export interface FakeSecrets {
  secrets: FakeSecret[];
  /** Whether the service filters more loosely than it says. */
  isLoose: boolean;
}

export function serveSecrets(aws: FakeAws): FakeSecrets {
  const fake: FakeSecrets = { secrets: [], isLoose: false };
  aws.services.set('secretsmanager', ({ operation, body }) => {
    if (operation === 'ListSecrets') {
      const [filter] = body['Filters'] as readonly { Key: string; Values: readonly string[] }[];
      const matching = fake.secrets.filter(({ name, tags = {} }) =>
        filter?.Key === 'name'
          ? filter.Values.some((start) => name.startsWith(start))
          : Object.keys(tags).some((tag) => filter?.Values.includes(tag)),
      );
      const { items, next } = pageOf(fake.isLoose ? fake.secrets : matching, body.NextToken, aws.pageSize);
      return awsJson({
        SecretList: items.map(({ name, changed, tags = {} }) => ({
          ARN: secretArn(name),
          Name: name,
          LastChangedDate: epochSeconds(changed ?? new Date(0)),
          Tags: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })),
          SecretVersionsToStages: { v1: ['AWSCURRENT'] },
        })),
        NextToken: next,
      });
    }
    const secret = fake.secrets.find(({ name }) => secretArn(name) === body['SecretId']);
    if (secret === undefined || operation !== 'GetSecretValue') {
      return awsFault(400, 'ResourceNotFoundException', "Secrets Manager can't find the specified secret.");
    }
    return awsJson({
      ARN: secretArn(secret.name),
      SecretString: secret.text,
      SecretBinary: secret.binary === undefined ? undefined : Buffer.from(secret.binary).toString('base64'),
    });
  });
  return fake;
}
