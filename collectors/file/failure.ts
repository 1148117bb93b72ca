import type { Reason } from '../../src/plugin/reason.ts';

export interface Failure {
  readonly reason: Reason;
  readonly detail: string;
}

/** What a system call's failure means for a path, and what to do about it. */
export function failureOf(error: unknown, path: string, what: 'file' | 'folder' | 'link'): Failure {
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
  switch (code) {
    case 'ENOENT':
    case 'ENOTDIR':
      return what === 'link'
        ? { reason: 'not_found', detail: `${path} is a symbolic link to something that does not exist` }
        : { reason: 'not_found', detail: `${path} does not exist` };
    case 'EACCES':
    case 'EPERM':
      return {
        reason: 'permission_denied',
        detail: `${path} cannot be read: permission denied; allow the user of notafter to read it, or exclude it`,
      };
    case 'ELOOP':
      return { reason: 'not_found', detail: `${path} is a symbolic link that leads back to itself` };
    default:
      return { reason: 'partial', detail: `${path} cannot be read: the system says ${code}` };
  }
}
