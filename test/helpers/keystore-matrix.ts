import { PASSWORD, UMLAUTS, type KeystoreWorkshop, type Tool } from './keystore-tools.ts';

/** A keystore that a real tool makes, and what is in it. */
export interface MatrixRow {
  readonly file: string;
  readonly tool: Tool;
  readonly format: string;
  /** What is special about it. */
  readonly variant: string;
  /** The passwords to read it with; none where none is needed. */
  readonly passwords: readonly string[];
  /** What is read, each as `briefly` says it, in any order. */
  readonly parts: readonly string[];
  make(workshop: KeystoreWorkshop): void;
}

const IDENTITY = ['identity leaf (leaf), key yes', 'chain ca', 'key (leaf)'] as const;
const TRUSTED = ['trusted ca (ca)'] as const;
const WITH_PASSWORD = ['wrong', PASSWORD] as const;

/** A PKCS#12 keystore of OpenSSL that holds the usual. */
function openssl(
  file: string,
  variant: string,
  args: readonly string[],
  {
    password = PASSWORD,
    passwords = ['wrong', password],
    parts = IDENTITY,
  }: Partial<MatrixRow & { password: string }> = {},
): MatrixRow {
  const make = (workshop: KeystoreWorkshop): void => workshop.pkcs12(file, password, ...args);
  return { file, tool: 'OpenSSL', format: 'PKCS#12', variant, passwords, parts, make };
}

function store(file: string, type: string, password: string): readonly string[] {
  return ['-keystore', file, '-storetype', type, '-storepass', password];
}

const CA = ['-importcert', '-noprompt', '-alias', 'ca', '-file', 'ca.pem'] as const;
const PAIR = ['-genkeypair', '-alias', 'web', '-keyalg', 'EC', '-dname', 'CN=web', '-validity', '36500'] as const;
const SECRET = ['-genseckey', '-alias', 'aes', '-keyalg', 'AES', '-keysize', '128'] as const;
const PAIR_PARTS = ['identity web (web), key yes', 'key (web)'] as const;

const OPENSSL_ROWS: readonly MatrixRow[] = [
  openssl('openssl-default.p12', 'PBES2 AES-256, PBKDF2 with SHA-256', []),
  openssl('openssl-aes-128.p12', 'PBES2 AES-128, MAC with SHA-512', ['-certpbe', 'AES-128-CBC', '-macalg', 'sha512']),
  openssl('openssl-aes-192.p12', 'PBES2 AES-192', ['-certpbe', 'AES-192-CBC', '-keypbe', 'AES-192-CBC']),
  openssl('openssl-3des-pbes2.p12', 'PBES2 3DES', ['-certpbe', 'DES-EDE3-CBC', '-keypbe', 'DES-EDE3-CBC']),
  openssl('openssl-rc2-pbes2.p12', 'PBES2 RC2-128, key PBES2 RC2-40', [
    '-legacy',
    '-certpbe',
    'RC2-CBC',
    '-keypbe',
    'RC2-40-CBC',
  ]),
  openssl('openssl-camellia.p12', 'PBES2 Camellia-256', ['-certpbe', 'CAMELLIA-256-CBC']),
  openssl('openssl-600k.p12', 'PBES2, 600 000 rounds', ['-iter', '600000'], { passwords: [PASSWORD] }),
  openssl('openssl-legacy.p12', 'PBES1 RC2-40, key 3DES', ['-legacy']),
  openssl('openssl-rc2-128.p12', 'PBES1 RC2-128', ['-legacy', '-certpbe', 'PBE-SHA1-RC2-128']),
  openssl('openssl-3des.p12', 'PBES1 3DES, key 3DES with two keys', [
    '-certpbe',
    'PBE-SHA1-3DES',
    '-keypbe',
    'PBE-SHA1-2DES',
  ]),
  openssl('openssl-rc4.p12', 'PBES1 RC4-128, key RC4-40', [
    '-legacy',
    '-certpbe',
    'PBE-SHA1-RC4-128',
    '-keypbe',
    'PBE-SHA1-RC4-40',
  ]),
  openssl('openssl-no-mac.p12', 'no MAC', ['-nomac']),
  openssl('openssl-clear.p12', 'certificates in the clear', ['-certpbe', 'NONE'], {
    passwords: [],
    parts: ['identity leaf (leaf), key encrypted', 'chain ca', 'key (leaf), encrypted'],
  }),
  openssl('openssl-clear-wrong.p12', 'certificates in the clear, wrong password', ['-certpbe', 'NONE'], {
    passwords: ['wrong'],
    parts: [
      'identity leaf (leaf), key encrypted',
      'chain ca',
      'key (leaf), encrypted',
      'wrong_password: no password fits the PKCS#12 keystore, though its certificates need none',
    ],
  }),
  openssl('openssl-nothing.p12', 'no MAC, nothing encrypted', ['-certpbe', 'NONE', '-keypbe', 'NONE', '-nomac'], {
    passwords: [],
  }),
  openssl('openssl-empty.p12', 'empty password', [], { password: '', passwords: [] }),
  openssl('openssl-no-keys.p12', 'certificates only', ['-nokeys'], { parts: ['certificate leaf', 'certificate ca'] }),
  openssl('openssl-umlauts.p12', 'PBES2, password with umlauts', [], { password: UMLAUTS }),
  openssl('openssl-umlauts-legacy.p12', 'PBES1, password with umlauts', ['-legacy'], { password: UMLAUTS }),
  openssl('openssl-unopened.p12', 'wrong password', [], {
    passwords: ['wrong'],
    parts: ['key (leaf), encrypted', 'wrong_password: no password opens the PKCS#12 keystore, or it is damaged'],
  }),
  {
    ...openssl('openssl-bundle.p7b', '', []),
    format: 'PKCS#7',
    variant: 'PEM, with a CRL',
    passwords: [],
    parts: ['certificate leaf', 'certificate ca', 'crl ca'],
    make: ({ openssl: run }) =>
      run('crl2pkcs7', '-in', 'crl.pem', '-certfile', 'leaf.pem', '-certfile', 'ca.pem', '-out', 'openssl-bundle.p7b'),
  },
  {
    ...openssl('openssl-der.p7b', '', []),
    format: 'PKCS#7',
    variant: 'DER',
    passwords: [],
    parts: ['certificate leaf', 'certificate ca'],
    make: ({ openssl: run }) =>
      run(
        'crl2pkcs7',
        '-nocrl',
        '-certfile',
        'leaf.pem',
        '-certfile',
        'ca.pem',
        '-outform',
        'DER',
        '-out',
        'openssl-der.p7b',
      ),
  },
  ...(
    [
      ['openssl-key-scrypt.pem', 'encrypted key, PBES2 with scrypt', ['-scrypt']],
      [
        'openssl-key-sha512.pem',
        'encrypted key, PBKDF2 with SHA-512',
        ['-v2', 'aes-256-cbc', '-v2prf', 'hmacWithSHA512'],
      ],
      ['openssl-key-sha1.pem', 'encrypted key, PBKDF2 with SHA-1', ['-v2', 'aes-128-cbc', '-v2prf', 'hmacWithSHA1']],
      ['openssl-key-3des.pem', 'encrypted key, PBES1 3DES', ['-v1', 'PBE-SHA1-3DES']],
    ] as const
  ).map(([file, variant, args]): MatrixRow => ({
    file,
    tool: 'OpenSSL',
    format: 'PEM',
    variant,
    passwords: WITH_PASSWORD,
    parts: ['key'],
    make: ({ openssl: run }) =>
      run('pkcs8', '-topk8', '-in', 'leaf.key', '-out', file, '-passout', `pass:${PASSWORD}`, ...args),
  })),
];

const JAVA_ROWS: readonly MatrixRow[] = [
  {
    file: 'keytool.jks',
    tool: 'keytool',
    format: 'JKS',
    variant: 'key and trusted certificate',
    passwords: WITH_PASSWORD,
    parts: [...PAIR_PARTS, ...TRUSTED],
    make({ keytool }) {
      keytool(...PAIR, ...store('keytool.jks', 'JKS', PASSWORD));
      keytool(...CA, ...store('keytool.jks', 'JKS', PASSWORD));
    },
  },
  {
    file: 'keytool-unopened.jks',
    tool: 'keytool',
    format: 'JKS',
    variant: 'no password given',
    passwords: [],
    parts: ['identity web (web), key encrypted', 'key (web), encrypted'],
    make: ({ keytool }) => keytool(...PAIR, ...store('keytool-unopened.jks', 'JKS', PASSWORD)),
  },
  {
    file: 'keytool-wrong.jks',
    tool: 'keytool',
    format: 'JKS',
    variant: 'wrong password',
    passwords: ['wrong'],
    parts: [...TRUSTED, 'wrong_password: no password fits the Java keystore, though its certificates need none'],
    make: ({ keytool }) => keytool(...CA, ...store('keytool-wrong.jks', 'JKS', PASSWORD)),
  },
  {
    file: 'keytool.jceks',
    tool: 'keytool',
    format: 'JCEKS',
    variant: 'key, secrets and trusted certificate',
    passwords: [PASSWORD],
    parts: [...PAIR_PARTS, ...TRUSTED],
    make({ keytool }) {
      keytool(...SECRET, ...store('keytool.jceks', 'JCEKS', PASSWORD));
      keytool(...PAIR, ...store('keytool.jceks', 'JCEKS', PASSWORD));
      keytool(...SECRET, '-alias', 'second', ...store('keytool.jceks', 'JCEKS', PASSWORD));
      keytool(...CA, ...store('keytool.jceks', 'JCEKS', PASSWORD));
    },
  },
  {
    file: 'keytool-keystore.p12',
    tool: 'keytool',
    format: 'PKCS#12',
    variant: 'key, secret and trusted certificate',
    passwords: WITH_PASSWORD,
    parts: [...PAIR_PARTS, ...TRUSTED],
    make({ keytool }) {
      keytool(...PAIR, ...store('keytool-keystore.p12', 'PKCS12', PASSWORD));
      keytool(...SECRET, ...store('keytool-keystore.p12', 'PKCS12', PASSWORD));
      keytool(...CA, ...store('keytool-keystore.p12', 'PKCS12', PASSWORD));
    },
  },
  {
    file: 'keytool-truststore.p12',
    tool: 'keytool',
    format: 'PKCS#12',
    variant: "truststore with Java's usual password, none given",
    passwords: [],
    parts: TRUSTED,
    make: ({ keytool }) => keytool(...CA, ...store('keytool-truststore.p12', 'PKCS12', 'changeit')),
  },
  {
    file: 'keytool-passwordless.p12',
    tool: 'keytool',
    format: 'PKCS#12',
    variant: 'truststore without encryption and MAC',
    passwords: [],
    parts: TRUSTED,
    make: ({ keytool }) =>
      keytool(
        '-J-Dkeystore.pkcs12.certProtectionAlgorithm=NONE',
        '-J-Dkeystore.pkcs12.macAlgorithm=NONE',
        ...CA,
        ...store('keytool-passwordless.p12', 'PKCS12', PASSWORD),
      ),
  },
  {
    file: 'keytool-legacy.p12',
    tool: 'keytool',
    format: 'PKCS#12',
    variant: 'RC2-40, as Java 8 wrote it',
    passwords: WITH_PASSWORD,
    parts: PAIR_PARTS,
    make: ({ keytool }) =>
      keytool('-J-Dkeystore.pkcs12.legacy', ...PAIR, ...store('keytool-legacy.p12', 'PKCS12', PASSWORD)),
  },
];

const NSS_RC2 = 'PKCS #12 V2 PBE With SHA-1 And 40 Bit RC2 CBC';
const NSS_PARTS = ['identity leaf (leaf), key yes', 'chain ca (ca)', 'key (leaf)'] as const;

const NSS_ROWS: readonly MatrixRow[] = (
  [
    ['nss-default.p12', 'BER, PBES2, 600 000 rounds', PASSWORD, []],
    ['nss-rc2.p12', 'BER, PBES1 RC2-40, 600 000 rounds', PASSWORD, ['-c', NSS_RC2, '-C', NSS_RC2]],
    ['nss-umlauts.p12', 'BER, password with umlauts', UMLAUTS, []],
  ] as const
).map(([file, variant, password, args]) => ({
  file,
  tool: 'NSS',
  format: 'PKCS#12',
  variant,
  passwords: [password],
  parts: NSS_PARTS,
  make: ({ nss }) => nss(file, password, ...args),
}));

const GNUTLS_ROWS: readonly MatrixRow[] = [
  ...(
    [
      ['gnutls-default.p12', 'PBES2, 600 000 rounds', [PASSWORD], ['--password', PASSWORD]],
      [
        'gnutls-3des.p12',
        'PBES1 3DES, 600 000 rounds',
        [PASSWORD],
        ['--password', PASSWORD, '--pkcs-cipher', '3des-pkcs12'],
      ],
      [
        'gnutls-rc2-40.p12',
        'PBES1 RC2-40, 600 000 rounds',
        [PASSWORD],
        ['--password', PASSWORD, '--pkcs-cipher', 'rc2-40'],
      ],
      ['gnutls-null.p12', 'no password at all', [], ['--null-password']],
      ['gnutls-empty.p12', 'empty password', [], ['--empty-password']],
    ] as const
  ).map(([file, variant, passwords, args]): MatrixRow => ({
    file,
    tool: 'GnuTLS',
    format: 'PKCS#12',
    variant,
    passwords,
    parts: IDENTITY,
    make: ({ gnutls }) => gnutls(file, ...args),
  })),
  {
    file: 'gnutls.p7b',
    tool: 'GnuTLS',
    format: 'PKCS#7',
    variant: 'DER',
    passwords: [],
    parts: ['certificate leaf', 'certificate ca'],
    make({ run }) {
      const chain = ['--load-certificate', 'chain.pem', '--outder', '--outfile', 'gnutls.p7b'];
      run('sh', '-c', 'cat leaf.pem ca.pem > chain.pem');
      run('certtool', '--p7-generate', ...chain);
    },
  },
];

const BOUNCY_ROWS: readonly MatrixRow[] = (
  [
    ['bouncy.bks', 'BKS', 'version 2: key, secret and trusted certificate', [...PAIR_PARTS, ...TRUSTED]],
    ['bouncy-v1.bks', 'BKS-V1', 'version 1: key, secret and trusted certificate', [...PAIR_PARTS, ...TRUSTED]],
    ['bouncy.ubr', 'UBER', 'encrypted as a whole', ['unsupported: UBER']],
    ['bouncy.bcfks', 'BCFKS', 'encrypted as a whole', ['unsupported: BCFKS']],
  ] as const
).map(([file, type, variant, parts]) => ({
  file,
  tool: 'Bouncy Castle',
  format: type === 'BKS-V1' ? 'BKS' : type,
  variant,
  passwords: WITH_PASSWORD,
  parts,
  make({ bouncy }) {
    bouncy(...PAIR, '-keypass', PASSWORD, ...store(file, type, PASSWORD));
    bouncy(...SECRET, '-keypass', PASSWORD, ...store(file, type, PASSWORD));
    bouncy(...CA, ...store(file, type, PASSWORD));
  },
}));

/** Every kind of keystore that the tools can make. */
export const MATRIX: readonly MatrixRow[] = [
  ...OPENSSL_ROWS,
  ...JAVA_ROWS,
  ...NSS_ROWS,
  ...GNUTLS_ROWS,
  ...BOUNCY_ROWS,
];
