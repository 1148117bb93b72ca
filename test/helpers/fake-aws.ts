import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** One request as it came over the wire. */
export interface AwsRequest {
  /** From the credential scope of the SigV4 signature. */
  readonly service: string;
  readonly region: string;
  readonly accessKeyId: string;
  /**
   * `ListCertificates`: the X-Amz-Target behind the service's prefix, or the `Action` of a form; `GET /clientcertificates`
   * where the operation is in the path.
   */
  readonly operation: string;
  readonly query: URLSearchParams;
  /** What a form says; empty for every other body. */
  readonly form: URLSearchParams;
  /** The body as it came. */
  readonly text: string;
  /** Empty for every body but JSON. */
  readonly body: AcmInput & Readonly<Record<string, unknown>>;
}

/** What the operations of ACM are asked with. */
export interface AcmInput {
  readonly Includes?: { readonly keyTypes?: readonly string[] };
  readonly CertificateKeyPairOrigins?: readonly string[];
  readonly MaxItems?: number;
  readonly NextToken?: string;
  readonly CertificateArn?: string;
}

/** Answers a request by hand. */
export type AwsReply = (response: ServerResponse, request: IncomingMessage) => void;

/** A certificate in the fake ACM. Dates travel as epoch seconds. */
export interface AcmCertificate {
  readonly arn: string;
  readonly domain?: string;
  readonly names?: readonly string[];
  readonly pem?: string;
  readonly chainPem?: string;
  readonly notBefore?: Date;
  readonly notAfter?: Date;
  readonly importedAt?: Date;
  readonly status?: string;
  readonly type?: 'AMAZON_ISSUED' | 'IMPORTED' | 'PRIVATE';
  readonly keyAlgorithm?: string;
  readonly origin?: 'AWS_MANAGED' | 'CUSTOMER_PROVIDED' | 'ACME';
  readonly extendedKeyUsages?: readonly string[];
  readonly eligibility?: 'ELIGIBLE' | 'INELIGIBLE';
  readonly inUseBy?: readonly string[];
  readonly serial?: string;
  readonly issuer?: string;
  readonly renewalSummary?: object;
  readonly tags?: Readonly<Record<string, string>>;
}

/** Answers for one service. */
export type FakeService = (request: AwsRequest) => AwsReply;

export interface FakeAws extends AsyncDisposable {
  readonly url: string;
  /** Every request so far, in order. */
  readonly requests: AwsRequest[];
  /** Certificates by region; tests change them at will. */
  readonly certificates: Map<string, AcmCertificate[]>;
  /** Services besides ACM and STS, by the name with which requests to them are signed. */
  readonly services: Map<string, FakeService>;
  /** How many certificates a page has at most, whatever is asked for. */
  pageSize: number;
  /** Asked before the fake answers by itself. */
  intercept: ((request: AwsRequest) => AwsReply | undefined) | undefined;
  operations(): readonly string[];
}

/** What the real ListCertificates leaves out unless it is told otherwise. */
const DEFAULT_KEY_TYPES = ['RSA_1024', 'RSA_2048'];
const DEFAULT_ORIGINS = ['AWS_MANAGED', 'CUSTOMER_PROVIDED'];

/** A server that speaks ACM's awsJson1_1 on loopback, for every region. */
export async function startFakeAws(): Promise<FakeAws> {
  const requests: AwsRequest[] = [];
  const server = createServer((request, response) => {
    void readBody(request).then((text) => {
      const parsed = readRequest(request, text);
      requests.push(parsed);
      const reply = fake.intercept?.(parsed) ?? answer(fake, parsed);
      reply(response, request);
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const fake: FakeAws = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    certificates: new Map(),
    services: new Map([
      ['acm', (request) => answerAcm(fake, request)],
      ['sts', answerSts],
    ]),
    pageSize: 1000,
    intercept: undefined,
    operations: () => requests.map((request) => request.operation),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => {
        server.close(resolve);
      });
    },
  };
  return fake;
}

async function readBody(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request.setEncoding('utf8')) text += chunk as string;
  return text;
}

function readRequest(request: IncomingMessage, text: string): AwsRequest {
  const scope = /^AWS4-HMAC-SHA256 Credential=([^/]+)\/\d{8}\/([^/]+)\/([^/]+)\/aws4_request/.exec(
    request.headers.authorization ?? '',
  );
  const target = String(request.headers['x-amz-target'] ?? '').split('.')[1];
  const url = new URL(request.url ?? '/', 'http://aws.test');
  const type = request.headers['content-type'] ?? '';
  const form = new URLSearchParams(type.startsWith('application/x-www-form-urlencoded') ? text : '');
  return {
    accessKeyId: scope?.[1] ?? '',
    region: scope?.[2] ?? '',
    service: scope?.[3] ?? '',
    operation: target ?? form.get('Action') ?? `${request.method ?? ''} ${url.pathname}`,
    query: url.searchParams,
    form,
    text,
    body: type.includes('json') ? (JSON.parse(text) as AwsRequest['body']) : {},
  };
}

function answer(fake: FakeAws, request: AwsRequest): AwsReply {
  const service = fake.services.get(request.service);
  return (
    service?.(request) ?? awsFault(403, 'MissingAuthenticationTokenException', `Nothing here speaks ${request.service}`)
  );
}

function answerAcm(fake: FakeAws, request: AwsRequest): AwsReply {
  const all = fake.certificates.get(request.region) ?? [];
  if (request.operation === 'ListCertificates') return awsJson(listCertificates(all, request.body, fake.pageSize));
  const certificate = all.find((candidate) => candidate.arn === request.body.CertificateArn);
  if (certificate === undefined) {
    return awsFault(400, 'ResourceNotFoundException', `Could not find certificate ${request.body.CertificateArn}.`);
  }
  switch (request.operation) {
    case 'DescribeCertificate':
      return awsJson({ Certificate: detailOf(certificate) });
    case 'GetCertificate':
      return certificate.pem === undefined
        ? awsFault(400, 'RequestInProgressException', 'Certificate is not issued yet.')
        : awsJson({ Certificate: certificate.pem, CertificateChain: certificate.chainPem });
    case 'ListTagsForCertificate':
      return awsJson({ Tags: Object.entries(certificate.tags ?? {}).map(([Key, Value]) => ({ Key, Value })) });
    default:
      return awsFault(400, 'UnknownOperationException', '');
  }
}

/** Lets anybody into the roles of any account; the key of the session bears the number of the account. */
function answerSts({ operation, form }: AwsRequest): AwsReply {
  const account = /:iam::(\d+):role/.exec(form.get('RoleArn') ?? '')?.[1];
  if (operation !== 'AssumeRole' || account === undefined) return awsXmlFault(400, 'InvalidAction', operation);
  return awsXml(
    'AssumeRole',
    `<Credentials><AccessKeyId>ASIA${account}</AccessKeyId><SecretAccessKey>secret</SecretAccessKey><SessionToken>token</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials>`,
  );
}

function listCertificates(all: readonly AcmCertificate[], body: AcmInput, pageSize: number): object {
  const keyTypes = body.Includes?.keyTypes ?? DEFAULT_KEY_TYPES;
  const origins = body.CertificateKeyPairOrigins ?? DEFAULT_ORIGINS;
  const listed = all.filter(
    (certificate) =>
      keyTypes.includes(certificate.keyAlgorithm ?? 'RSA_2048') &&
      origins.includes(certificate.origin ?? 'AWS_MANAGED'),
  );
  const start = Number((body.NextToken ?? 'page:0').slice('page:'.length));
  const end = start + Math.min(pageSize, body.MaxItems ?? 1000);
  return {
    CertificateSummaryList: listed.slice(start, end).map((certificate) => summaryOf(certificate)),
    ...(end < listed.length ? { NextToken: `page:${end}` } : {}),
  };
}

function summaryOf(certificate: AcmCertificate): object {
  return {
    CertificateArn: certificate.arn,
    DomainName: certificate.domain,
    SubjectAlternativeNameSummaries: certificate.names,
    Status: certificate.status ?? 'ISSUED',
    Type: certificate.type ?? 'AMAZON_ISSUED',
    KeyAlgorithm: certificate.keyAlgorithm ?? 'RSA_2048',
    CertificateKeyPairOrigin: certificate.origin ?? 'AWS_MANAGED',
    ExtendedKeyUsages: certificate.extendedKeyUsages,
    RenewalEligibility: certificate.eligibility,
    InUse: (certificate.inUseBy ?? []).length > 0,
    NotBefore: seconds(certificate.notBefore),
    NotAfter: seconds(certificate.notAfter),
    ImportedAt: seconds(certificate.importedAt),
  };
}

function detailOf(certificate: AcmCertificate): object {
  return {
    CertificateArn: certificate.arn,
    DomainName: certificate.domain,
    SubjectAlternativeNames: certificate.names,
    Status: certificate.status ?? 'ISSUED',
    Type: certificate.type ?? 'AMAZON_ISSUED',
    Serial: certificate.serial,
    Issuer: certificate.issuer,
    InUseBy: certificate.inUseBy ?? [],
    RenewalEligibility: certificate.eligibility,
    RenewalSummary: certificate.renewalSummary,
    NotBefore: seconds(certificate.notBefore),
    NotAfter: seconds(certificate.notAfter),
  };
}

function seconds(date: Date | undefined): number | undefined {
  return date === undefined ? undefined : date.getTime() / 1000;
}

export function awsJson(value: unknown, status = 200, headers: Readonly<Record<string, string>> = {}): AwsReply {
  return (response) => {
    response.writeHead(status, { 'content-type': 'application/x-amz-json-1.1', ...headers });
    response.end(JSON.stringify(value));
  };
}

/** An answer of the query protocol; `result` is what stands inside `<ActionResult>`. */
export function awsXml(action: string, result: string): AwsReply {
  return (response) => {
    response.writeHead(200, { 'content-type': 'text/xml' });
    response.end(
      `<${action}Response><${action}Result>${result}</${action}Result><ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></${action}Response>`,
    );
  };
}

/** A fault the way the query protocol tells it. */
export function awsXmlFault(status: number, code: string, message: string): AwsReply {
  return (response) => {
    response.writeHead(status, { 'content-type': 'text/xml' });
    response.end(
      `<ErrorResponse><Error><Type>Sender</Type><Code>${code}</Code><Message>${message}</Message></Error><RequestId>1</RequestId></ErrorResponse>`,
    );
  };
}

/** A fault the way the JSON protocol tells it. */
export function awsFault(
  status: number,
  type: string,
  message: string,
  headers: Readonly<Record<string, string>> = {},
): AwsReply {
  return awsJson({ __type: type, message }, status, headers);
}

export function accessDenied(action: string): AwsReply {
  return awsFault(
    400,
    'AccessDeniedException',
    `User: arn:aws:sts::111122223333:assumed-role/notafter/i-0 is not authorized to perform: ${action} because no identity-based policy allows the ${action} action`,
  );
}

/** What a proxy or an emulator that does not know the call says. */
export function html(status: number): AwsReply {
  return (response) => {
    response.writeHead(status, { 'content-type': 'text/html' });
    response.end('<!doctype html><title>Oops</title><h1>Internal Server Error</h1>');
  };
}

/** JSON that ends in the middle. */
export function truncatedJson(): AwsReply {
  return (response) => {
    response.writeHead(200, { 'content-type': 'application/x-amz-json-1.1' });
    response.end('{"CertificateSummaryList":[{"CertificateArn":"arn:aws:acm:eu-w');
  };
}

/** XML that ends in the middle. */
export function truncatedXml(): AwsReply {
  return (response) => {
    response.writeHead(200, { 'content-type': 'text/xml' });
    response.end('<ListResponse><ListResult><Certificates><member><Arn>arn:aws:ia');
  };
}

/** A body that begins and never ends. */
export function slowBody(onClose?: () => void): AwsReply {
  return (response) => {
    if (onClose !== undefined) response.on('close', onClose);
    response.writeHead(200, { 'content-type': 'application/x-amz-json-1.1', 'content-length': '1000' });
    response.write('{"Certificate');
  };
}

/** A connection that is cut instead of answered. */
export function reset(): AwsReply {
  return (_response, request) => {
    request.socket.resetAndDestroy();
  };
}
