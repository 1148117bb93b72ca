import type { Json } from '../../src/plugin/json.ts';
import type { AlertNotice, Notification } from '../../src/plugin/notification.ts';
import { payload } from '../../src/plugin/payload.ts';
import { compileTemplate, type Template, type TemplateData, type TemplateSink } from '../../src/text/template.ts';

/** Characters of a filled body and of a filled header value. */
const MAX_BODY = 262_144;
const MAX_HEADER = 1_000;

/** What a body may be, and by which rules values are escaped in it. */
export const CONTENT_TYPES = {
  'application/json': 'json',
  'application/x-www-form-urlencoded': 'form',
  'text/html': 'html',
  'text/plain': 'text',
} as const satisfies Readonly<Record<string, TemplateSink>>;

export type ContentType = keyof typeof CONTENT_TYPES;

export interface FormOptions {
  /** A template; the documented JSON when it is absent. */
  readonly body: string | undefined;
  readonly contentType: ContentType;
  /** Values are templates. */
  readonly headers: Readonly<Record<string, string>>;
}

/** Gives a notification the form that the receiver asks for. */
export interface Form {
  body(notification: Notification): string;
  headers(notification: Notification): Readonly<Record<string, string>>;
}

/** Throws TemplateError for a template that cannot be read. */
export function createForm({ body, contentType, headers }: FormOptions): Form {
  const sink = CONTENT_TYPES[contentType];
  const bodyTemplate = body === undefined ? undefined : compileTemplate(body);
  const headerTemplates = Object.entries(headers).map(([name, value]) => [name, compileTemplate(value)] as const);
  return {
    body(notification) {
      const data = payload(notification);
      return bodyTemplate === undefined
        ? JSON.stringify(data)
        : bodyTemplate.render(data, { sink, maxLength: MAX_BODY });
    },
    headers(notification) {
      const data = payload(notification);
      return Object.fromEntries(headerTemplates.map(([name, template]) => [name, headerValue(template, data)]));
    },
  };
}

/** What a header may hold is printable ASCII (RFC 9110 section 5.5); everything else becomes `?`. */
function headerValue(template: Template, data: TemplateData): string {
  return template
    .render(data, { sink: 'text', maxLength: MAX_BODY })
    .replace(/[^\u0020-\u007e]+/gu, '?')
    .trim()
    .slice(0, MAX_HEADER);
}

/** What is wrong with a template for the body: undefined when it takes every kind of notification. */
export function bodyFault(body: string, contentType: ContentType): string | undefined {
  const fault = templateFault(body);
  if (fault !== undefined || contentType !== 'application/json') return fault;
  for (const sample of SAMPLES) {
    const filled = createForm({ body, contentType, headers: {} }).body(sample);
    if (!isJson(filled)) {
      return `filled with ${sample.kind === 'test' ? 'a test' : 'an alert'}, it is no JSON; set content_type if it is to be none`;
    }
  }
  return undefined;
}

/** What is wrong with a template: its syntax, or a name that no notification has. */
export function templateFault(text: string): string | undefined {
  try {
    compileTemplate(text).check(payload(ALERT_SAMPLE));
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text) as Json;
    return true;
  } catch {
    return false;
  }
}

const NOTICE_SAMPLE: AlertNotice = {
  id: '0123456789abcdef',
  family: 'expiry',
  cause: 'a cause',
  state: 'open',
  severity: 'warning',
  rules: ['expiring', 'renewal-overdue'],
  title: 'a.example.com',
  summary: 'a.example.com ends in 4 days',
  endsAt: new Date(0),
  openedAt: new Date(0),
  facts: [{ name: 'Serial', value: '0A' }],
  places: [
    {
      source: 'a source',
      location: 'a.example.com:443@192.0.2.1',
      rules: ['expiring'],
      severity: 'warning',
      summary: 'a.example.com ends in 4 days',
      labels: { owner: 'somebody' },
      state: 'open',
    },
  ],
  placeCount: 1,
  actions: ['Renew a.example.com', 'Prove it: notafter check a.example.com'],
  runbookUrl: 'https://a.example.com/runbook',
};

/** Two alerts, so that what stands between them is tried as well. */
const ALERT_SAMPLE: Notification = {
  id: 'a sample',
  kind: 'alert',
  reason: 'worse',
  severity: 'warning',
  previousSeverity: 'info',
  at: new Date(0),
  group: '0123456789abcdef',
  alerts: [NOTICE_SAMPLE, NOTICE_SAMPLE],
  alertCount: 2,
  externalUrl: 'https://a.example.com/',
};

const SAMPLES: readonly Notification[] = [
  ALERT_SAMPLE,
  { ...ALERT_SAMPLE, kind: 'test', reason: 'first', alerts: [], alertCount: 0 },
];
