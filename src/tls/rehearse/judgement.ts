import type { Wire } from './wire.ts';

/** What came out of one connection. `reason` is null exactly when accepted. */
export interface Judgement {
  readonly status: 'accepted' | 'rejected' | 'unknown';
  readonly reason: string | null;
  /** What the server did, on one line. May hold hostile text. */
  readonly evidence: string;
}

export function accepted(evidence: string): Judgement {
  return { status: 'accepted', reason: null, evidence };
}

export function rejected(reason: string, evidence: string): Judgement {
  return { status: 'rejected', reason, evidence };
}

export function unknown(reason: string, evidence: string): Judgement {
  return { status: 'unknown', reason, evidence };
}

/**
 * Whether the server has gone on after it had seen what the client showed: a session ticket or data (TLS 1.3), its
 * Finished (before).
 */
export function isPast({ course }: Wire): boolean {
  if (!course.established) return false;
  return course.protocol === 'TLSv1.2' || course.tickets > 0 || course.data.length > 0;
}

/** What the end of a connection says, when nothing better was said before it. */
export function judgeEnd(wire: Wire): Judgement {
  const { course, flight } = wire;
  if (course.alert !== undefined) {
    const when = course.established || flight.complete ? '' : ', in answer to the hello';
    return rejected(course.alert.name, `alert ${course.alert.number}${when}`);
  }
  if (course.fault !== undefined) return unknown(course.fault.reason, course.fault.detail);
  if (course.closed) return judgeClose(wire);
  return unknown('timeout', `no verdict until the deadline of ${wire.timeoutMs} ms`);
}

/** RFC 8446 section 6.2 wants an alert; many servers just hang up on a client that they refuse. */
function judgeClose(wire: Wire): Judgement {
  const { course, flight } = wire;
  if (!course.established) {
    return flight.complete
      ? rejected('closed', 'closed without an alert when it had seen what the client shows')
      : unknown('closed', 'closed without an alert before the client could show anything');
  }
  if (isPast(wire)) return unknown('closed', 'closed after the login without an answer');
  return rejected('closed', 'closed after the handshake without an alert or a session ticket');
}
