/** What a server's reason to reject a client means, and what to do about it. */
export interface Diagnosis {
  /** Completes "client billing is rejected with unknown_ca: …". */
  readonly meaning: string;
  readonly action: string;
}

const SERVER_LOG = 'See the log of the server at the time of the last look: it knows the reason that it does not send';
const PERMISSION: Diagnosis = {
  meaning: 'the certificate was read, but this client may not enter',
  action:
    'See which subject or name the server maps to an account, and whether this certificate still has it; a renewed one may have another',
};
const UNTOLD: Diagnosis = { meaning: 'the server does not say why', action: SERVER_LOG };

/** By reason: names of alerts (RFC 8446 section 6), and what stands for the answers of protocols. */
const DIAGNOSES: Readonly<Record<string, Diagnosis>> = {
  certificate_expired: {
    meaning: 'something that the server checks has ended, and it is not this certificate',
    action:
      'At the server, look at the CRL that it checks clients against (past its nextUpdate it rejects all of them: openssl crl -in CRL -noout -nextupdate), at the CA in its trust store, and at its clock',
  },
  unknown_ca: {
    meaning: 'the server does not trust its CA, or an intermediate is missing',
    action:
      'Send the intermediates behind the client certificate, in its file; if they are sent, ask the owner of the server to trust the root above them',
  },
  unsupported_certificate: {
    meaning: 'the server does not take it for a client certificate',
    action: 'Reissue it with clientAuth in its extended key usage, and with a key type that the server knows',
  },
  certificate_revoked: {
    meaning: 'it has been revoked',
    action: 'Ask the CA why it was revoked; then issue a new one, with a new key if the old one may be known to others',
  },
  certificate_required: {
    meaning: 'the server has seen no certificate',
    action:
      'The client keeps its certificate back when it does not fit what the server asks for: compare the acceptable issuers and signature algorithms with it',
  },
  bad_certificate: {
    meaning: 'the server finds fault with it and does not say which',
    action: `Some servers say this to every client that they refuse. ${SERVER_LOG}`,
  },
  access_denied: PERMISSION,
  http_401: PERMISSION,
  http_403: PERMISSION,
  grpc_7: PERMISSION,
  grpc_16: PERMISSION,
  closed: { meaning: 'the server hangs up without a word', action: SERVER_LOG },
};

export function diagnose(reason: string | null): Diagnosis {
  return (reason === null ? undefined : Object.hasOwn(DIAGNOSES, reason) ? DIAGNOSES[reason] : undefined) ?? UNTOLD;
}
