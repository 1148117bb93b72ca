import type { SendMailOptions } from 'nodemailer';

import type { Notification } from '../../src/plugin/notification.ts';
import { headline } from '../../src/plugin/wording.ts';
import { mailHeaderText } from '../../src/text/mail-header.ts';
import { safeText } from '../../src/text/safe-text.ts';
import type { CalendarFile } from './calendar.ts';
import { htmlOf } from './html.ts';
import { textOf } from './plain.ts';

/** Longer subjects are cut by what shows them. */
export const MAX_SUBJECT = 200;

const DOMAIN = 'notafter';

/** The mail: the same for every recipient and every attempt, so that a second copy is recognised by its Message-ID. */
export function messageOf(
  notification: Notification,
  parties: { readonly from: string; readonly to: readonly string[] },
  calendar?: CalendarFile,
): SendMailOptions {
  const thread = messageId(`thread-${notification.group}`);
  return {
    from: { name: 'notafter', address: parties.from },
    to: parties.to.map((address) => ({ name: '', address })),
    subject: mailHeaderText(safeText(headline(notification), { max: MAX_SUBJECT })).slice(0, MAX_SUBJECT),
    messageId: messageId(notification.id),
    // Nobody was sent the root: it is what the messages of a group have in common.
    inReplyTo: thread,
    references: [thread],
    date: notification.at,
    text: textOf(notification),
    html: htmlOf(notification),
    ...(calendar === undefined ? {} : { attachments: [{ ...calendar }] }),
    headers: {
      // RFC 3834 section 5: nobody's absence note answers it.
      'Auto-Submitted': 'auto-generated',
      'X-Notafter-Reason': notification.reason,
      'X-Notafter-Severity': notification.severity,
    },
  };
}

function messageId(id: string): string {
  return `<${id.replace(/[^A-Za-z0-9.-]/g, '-').slice(0, 128)}@${DOMAIN}>`;
}
