import type { S3Client } from '@aws-sdk/client-s3';

import { CollectError } from '../plugin/error.ts';
import type { AwsLook } from './aws.ts';

/** API Gateway reads a truststore of up to 1 MB; nothing that is read here may be much larger. */
const MAX_BYTES = 4 * 1024 * 1024;

/** `s3://bucket/key`, as truststores are named. */
const S3_URI = /^s3:\/\/([^/]+)\/(.+)$/s;

export interface S3Object {
  readonly bytes: Uint8Array;
  /** Absent in a bucket that keeps no versions. */
  readonly version?: string;
  readonly modified?: Date;
}

/** An object in the version that somebody uses, and whether that is what lies there now. */
export interface PinnedObject {
  readonly used: S3Object;
  /** What lies there now, where that is another version; `gone` when nothing does. */
  readonly newer?: S3Object | 'gone';
}

/**
 * Reads `s3://bucket/key` in this version, or as it is when none is given. Throws CollectError when it cannot be had in
 * that version; what lies there now may be unreadable without harm.
 */
export async function readPinned(look: AwsLook, uri: string, version: string | undefined): Promise<PinnedObject> {
  const [, bucket, key] = S3_URI.exec(uri) ?? [];
  if (bucket === undefined || key === undefined) {
    throw new CollectError('malformed', `${uri} is no object in S3: s3://bucket/key`);
  }
  if (version === undefined) return { used: await get(look, bucket, key) };
  let now: S3Object | 'gone' | undefined;
  try {
    now = await get(look, bucket, key);
  } catch (error) {
    // Whoever may read old versions need not be allowed to read the present one.
    if (!(error instanceof CollectError) || !['permission_denied', 'not_found', 'too_large'].includes(error.reason)) {
      throw error;
    }
    if (error.reason === 'not_found') now = 'gone';
  }
  if (now !== undefined && now !== 'gone' && now.version === version) return { used: now };
  const used = await get(look, bucket, key, version);
  return { used, ...(now === undefined ? {} : { newer: now }) };
}

async function get(look: AwsLook, bucket: string, key: string, version?: string): Promise<S3Object> {
  const { S3Client, GetObjectCommand } = await import('@aws-sdk/client-s3');
  const client: S3Client = look.client(S3Client);
  const command = new GetObjectCommand({ Bucket: bucket, Key: key, VersionId: version });
  const of = `s3://${bucket}/${key}${version === undefined ? '' : ` in version ${version}`}`;
  const call = { action: version === undefined ? 's3:GetObject' : 's3:GetObjectVersion', of };
  return look.call(call, async (options) => {
    const answer = await client.send(command, options);
    const bytes = await readBody(answer.Body as AsyncIterable<Uint8Array> | undefined, of);
    return {
      bytes,
      // What S3 calls an object without a version.
      ...(answer.VersionId === undefined || answer.VersionId === 'null' ? {} : { version: answer.VersionId }),
      ...(answer.LastModified === undefined ? {} : { modified: answer.LastModified }),
    };
  });
}

async function readBody(body: AsyncIterable<Uint8Array> | undefined, what: string): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of body ?? []) {
    length += chunk.length;
    if (length > MAX_BYTES) {
      throw new CollectError('too_large', `${what} is larger than the ${MAX_BYTES / 1024 / 1024} MiB that are read`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
