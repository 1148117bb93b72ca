import { DISAGREEMENTS } from '../test/helpers/certificate-disagreements.ts';

/** Where other readers say something else, and why. */
export function agreementTable(): string {
  const rows = DISAGREEMENTS.map(
    ({ certificate, readers, what, why }) =>
      `| ${certificate} | ${readers.join(', ')} | ${what === 'refused' ? '`refused`' : what} | ${why} |`,
  );
  return ['| certificate | reader | what differs | why |', '| --- | --- | --- | --- |', ...rows].join('\n');
}
