import { quote } from '../../text/shell.ts';
import { step } from '../model.ts';
import { FILES, given } from '../shell.ts';
import type { Guide } from './guide.ts';

/**
 * What HashiCorp Vault or OpenBao issued: it keeps no key, so a successor is issued and brought to where the old one is used
 * (https://developer.hashicorp.com/vault/api-docs/secret/pki#sign-certificate).
 */
export const vault: Guide = {
  // Its own token is none.
  matches: ({ home }) => home.location.type === 'vault' && !home.location.location.startsWith('auth/token/'),

  save: ({ home, number }) =>
    number === 1
      ? [
          step('Take a copy of what Vault holds', {
            commands: [`vault read -field=certificate ${quote(home.location.location)} > ${FILES.oldCertificate}`],
          }),
        ]
      : [],

  install: () => [
    step('Nothing has to be brought to Vault: it keeps what it signs', {
      text: [
        'What it signed lives elsewhere: see the other places, and ask the owner for those that notafter does not watch.',
      ],
    }),
  ],

  restore: () => [],
};

/** Signs the request by a role of Vault. */
export const VAULT_SIGN: readonly string[] = [
  given('VAULT_ROLE', 'the path of the role, such as pki/sign/web'),
  `vault write -format=json "$VAULT_ROLE" csr=@"$WORK/new.csr" > "$WORK/signed.json"`,
  `jq -r .data.certificate "$WORK/signed.json" > ${FILES.certificate}`,
  `jq -r '.data.ca_chain[]' "$WORK/signed.json" > ${FILES.chain}`,
];
