import type { AwsReply, FakeAws } from '../fake-aws.ts';

export interface FakeVersion {
  readonly id: string;
  readonly body: string | Uint8Array;
  readonly modified?: Date;
}

/** Objects by `bucket/key`, the versions of each from the oldest to the newest. */
export type FakeBuckets = Map<string, FakeVersion[]>;

/** Lets the fake speak as much of S3 as it takes to read an object in a version, and to write another. */
export function serveS3(aws: FakeAws): FakeBuckets {
  const buckets: FakeBuckets = new Map();
  aws.services.set('s3', ({ operation, query, text }) => {
    const written = /^PUT \/(.+)$/.exec(operation)?.[1];
    if (written !== undefined) {
      const name = decodeURIComponent(written);
      const known = buckets.get(name) ?? [];
      const id = `v${known.length + 1}`;
      buckets.set(name, [...known, { id, body: text, modified: new Date() }]);
      return (response) => response.writeHead(200, { 'x-amz-version-id': id }).end();
    }
    const key = /^GET \/(.+)$/.exec(operation)?.[1];
    const versions = buckets.get(decodeURIComponent(key ?? '')) ?? [];
    const id = query.get('versionId');
    const version = id === null ? versions.at(-1) : versions.find((one) => one.id === id);
    if (version === undefined) return s3Fault(404, id === null ? 'NoSuchKey' : 'NoSuchVersion', 'It does not exist.');
    return (response) => {
      response.writeHead(200, {
        'x-amz-version-id': version.id,
        'last-modified': (version.modified ?? new Date(0)).toUTCString(),
      });
      response.end(version.body);
    };
  });
  return buckets;
}

/** A fault the way S3 tells it. */
export function s3Fault(status: number, code: string, message: string): AwsReply {
  return (response) => {
    response.writeHead(status, { 'content-type': 'application/xml' });
    response.end(`<?xml version="1.0"?><Error><Code>${code}</Code><Message>${message}</Message></Error>`);
  };
}
