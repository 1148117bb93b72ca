import type { Context, Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { html } from 'hono/html';
import { z } from 'zod';

import type { ClientOutlook } from '../../inventory/clients.ts';
import type { DeskError } from '../../notify/desk.ts';
import { chainTree } from '../../policy/chain-tree.ts';
import { titleOf as titleOfItem } from '../../policy/wording.ts';
import { ALERT_KEY, alertFilter, alertKey, isWanted } from '../alerting.ts';
import { pageOf } from '../api/cursor.ts';
import { queryOf, Refusal } from '../api/endpoint.ts';
import { afterItem, itemFilter, itemQuery } from '../api/inventory.ts';
import { ASSETS_VERSION } from '../assets.ts';
import type { WebParts } from '../parts.ts';
import { runbookBody } from '../runbook-page.ts';
import { alertPage, alertsPage, titleOf } from './alerts.ts';
import { certificatePage } from './certificate.ts';
import { certificatesPage } from './certificates.ts';
import { clientsPage } from './clients.ts';
import { coveragePage } from './coverage.ts';
import { SILENCE_HOURS } from './forms.ts';
import { layout, text, type Frame, type Html, type Shown } from './layout.ts';
import { nextPage } from './next.ts';
import { readingNote } from './reading.ts';

/** See the identity of alerts. */
const ALERT_ID = /^[0-9a-f]{16}$/;
const ROWS = 50;
const ALERT_ROWS = 100;
const MAX_LISTED = 100;
const MAX_FAILING = 50;
/** Chains of an item that are drawn. */
const MAX_CHAINS = 3;
const MAX_FORM_BYTES = 65_536;
const HOUR_MS = 3_600_000;

const certificatesQuery = z.strictObject({ ...itemFilter, after: z.string().max(4_000).optional() });
const alertsQuery = z.strictObject({ ...alertFilter, after: z.string().max(4_000).optional() });
const nextQuery = z.strictObject({ weeks: z.coerce.number().int().min(1).max(60).default(12) });

/** The pages for people. They work without JavaScript; what they say comes from the parts that the API answers from, too. */
export function addPages(app: Hono, parts: WebParts): void {
  const { catalogue, desk, inventory, outbox, now } = parts;

  function frameOf(context: Context, root: string): Frame {
    const who = parts.gate.who(context.req.raw)?.name;
    return { root, now: now(), version: parts.version, assets: ASSETS_VERSION, ...(who === undefined ? {} : { who }) };
  }

  /** Serves a page, and its refusals as pages. */
  function page(
    path: string,
    root: string,
    make: (context: Context, frame: Frame) => Promise<Omit<Shown, keyof Frame>>,
  ): void {
    app.get(path, async (context) => {
      const frame = frameOf(context, root);
      try {
        return await context.html(layout({ ...frame, ...(await make(context, frame)) }));
      } catch (error) {
        return refusalPage(context, frame, error);
      }
    });
  }

  page('/', './', async (context, frame) => {
    const { weeks } = parsed(nextQuery, context);
    const [had, sources] = await Promise.all([parts.survey(), inventory.sources()]);
    return { title: 'What breaks next', section: 'next', body: nextPage(had, sources, weeks, frame) };
  });

  page('/certificates', './', async (context, frame) => {
    const asked = withoutEmpty(queryOf(context.req.url));
    const query = parsedFrom(certificatesQuery, asked);
    const [found, sources, { value }] = await Promise.all([
      catalogue.items({ ...itemQuery(query, now()), ...afterItem(query.after), limit: ROWS }),
      inventory.sources(),
      parts.survey(),
    ]);
    const choices = { sources: sources.map(({ name }) => name), owners: value.owners };
    return {
      title: 'Certificates',
      section: 'certificates',
      search: query.q ?? '',
      body: certificatesPage(found, asked, choices, frame),
    };
  });

  page('/certificates/:id', '../', async (context, frame) => {
    const id = context.req.param('id') ?? '';
    const item = id.length > 500 ? undefined : await catalogue.item(id);
    if (item === undefined) throw new Refusal(404, 'There is no such certificate; it may have been forgotten since.');
    const [{ homes, count }, limits, history, alerts, had] = await Promise.all([
      catalogue.homes(id, MAX_LISTED),
      catalogue.limitedBy(id, MAX_LISTED),
      catalogue.history(id, MAX_LISTED),
      desk.about(id),
      parts.survey(),
    ]);
    const { clients } = had.value;
    const concerns = ({ client, limitedBy }: ClientOutlook): boolean => client.id === id || limitedBy.id === id;
    const drawn = [...homes.map(({ location }) => location), ...limits.locations]
      .filter(({ type }) => type === 'endpoint')
      .slice(0, MAX_CHAINS);
    const endpoints = drawn.length === 0 ? [] : await inventory.locations({ ids: drawn.map((one) => one.id) });
    return {
      title: titleOfItem(item),
      section: 'certificates',
      body: certificatePage(
        {
          item,
          homes,
          homeCount: count,
          limits: limits.locations,
          limitCount: limits.count,
          history,
          successors: item.kind === 'certificate' && !item.isCa ? parts.view.successors(item) : [],
          alerts,
          had,
          logins: [...clients.certain, ...clients.possible].filter(concerns),
          chains: endpoints.flatMap((location) => {
            const tree = chainTree(location, parts.view);
            return tree === undefined ? [] : [{ location: location.location, tree }];
          }),
        },
        frame,
      ),
    };
  });

  page('/clients', './', async (_context, frame) => ({
    title: 'Clients',
    section: 'clients',
    body: clientsPage(await parts.survey(), frame),
  }));

  page('/coverage', './', async (_context, frame) => {
    const [had, sources, counts, failing] = await Promise.all([
      parts.survey(),
      inventory.sources(),
      catalogue.counts(),
      catalogue.locations({ failing: true, limit: MAX_FAILING }),
    ]);
    return { title: 'Coverage', section: 'coverage', body: coveragePage({ had, sources, counts, failing }, frame) };
  });

  page('/alerts', './', async (context, frame) => {
    const asked = withoutEmpty(queryOf(context.req.url));
    const { after, ...filter } = parsedFrom(alertsQuery, asked);
    const [open, sources, silences, oldestPendingAt, failed] = await Promise.all([
      desk.alerts({ state: 'open' }),
      inventory.sources(),
      desk.silences(),
      outbox.oldestPendingAt(),
      outbox.failed(),
    ]);
    const wanted = open.filter((state) => isWanted(state, filter));
    const { rows, next } = pageOf(wanted, { after, limit: ALERT_ROWS }, ALERT_KEY, alertKey);
    const listed = {
      asked,
      found: wanted.length,
      rows,
      next: next ?? undefined,
      sources: sources.map(({ name }) => name),
    };
    return {
      title: 'Alerts',
      section: 'alerts',
      body: alertsPage({ open, listed, silences, oldestPendingAt, failed }, frame),
    };
  });

  page('/alerts/:id', '../', async (context, frame) => {
    const id = context.req.param('id') ?? '';
    const state = ALERT_ID.test(id) ? await desk.alert(id) : undefined;
    if (state === undefined) throw new Refusal(404, 'There is no such alert.');
    return { title: titleOf(state), section: 'alerts', body: alertPage(state, frame) };
  });

  page('/runbooks/alerts/:id', '../../', async (context) => {
    const id = context.req.param('id') ?? '';
    const shown = ALERT_ID.test(id) ? await parts.alertRunbook(id) : undefined;
    if (shown === 'busy') throw new Refusal(503, 'Too many runbooks are asked for at once; ask again.');
    if (shown === undefined) throw new Refusal(404, 'There is no such alert.');
    return {
      title: shown.runbook.title,
      section: 'alerts',
      body: html`${readingNote(await parts.survey(), now())}${runbookBody(shown, id)}`,
    };
  });

  /** Does what a form asks for, then shows the page where it can be seen. */
  function action(path: string, root: string, act: (form: URLSearchParams, context: Context) => Promise<string>): void {
    const limited = bodyLimit({
      maxSize: MAX_FORM_BYTES,
      onError: (context) => refusalPage(context, frameOf(context, root), new Refusal(413, 'The form is too long.')),
    });
    app.post(path, limited, async (context) => {
      try {
        if (!/^application\/x-www-form-urlencoded(?:;|$)/i.test(context.req.header('content-type') ?? '')) {
          throw new Refusal(415, 'This is for the forms of the pages; programs use /api/v1.');
        }
        return context.redirect(await act(new URLSearchParams(await context.req.text()), context), 303);
      } catch (error) {
        return refusalPage(context, frameOf(context, root), error);
      }
    });
  }

  action('/alerts/:id/ack', '../../', async (form, context) => {
    const id = context.req.param('id') ?? '';
    const done = ALERT_ID.test(id) ? await desk.acknowledge(id, signatureOf(form)) : undefined;
    if (done === undefined) throw new Refusal(404, 'There is no such alert.');
    return `../../alerts/${id}`;
  });

  action('/silences', './', async (form) => {
    const hours = SILENCE_HOURS.find((one) => String(one) === form.get('hours'));
    if (hours === undefined) throw new Refusal(400, `For how long? One of ${SILENCE_HOURS.join(', ')} hours.`);
    const matchers = (form.get('matchers') ?? '')
      .split(/\r?\n/)
      .map((line) => line.trim())
      .filter((line) => line !== '');
    await desk.addSilence({ matchers, until: now() + hours * HOUR_MS, ...signatureOf(form) });
    return './alerts';
  });

  action('/silences/:id/end', '../../', async (_form, context) => {
    const done = await desk.endSilence(context.req.param('id') ?? '');
    if (done === undefined) throw new Refusal(404, 'There is no such silence.');
    return '../../alerts';
  });
}

function signatureOf(form: URLSearchParams): { readonly author: string; readonly comment: string } {
  return { author: form.get('author') ?? '', comment: form.get('comment') ?? '' };
}

function parsed<Schema extends z.ZodType>(schema: Schema, context: Context): z.output<Schema> {
  return parsedFrom(schema, withoutEmpty(queryOf(context.req.url)));
}

function parsedFrom<Schema extends z.ZodType>(schema: Schema, query: object): z.output<Schema> {
  const result = schema.safeParse(query);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new Refusal(400, `${issue?.path.join('.') || 'The query'}: ${issue?.message ?? 'is wrong'}.`);
}

/** What a form leaves open was not asked for. */
function withoutEmpty(query: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(query).filter(([, value]) => value !== ''));
}

/** By name: the class is the desk's. */
function isDeskError(error: unknown): error is DeskError {
  return error instanceof Error && error.name === 'DeskError';
}

async function refusalPage(context: Context, frame: Frame, error: unknown): Promise<Response> {
  if (error instanceof Refusal) return context.html(refusal(frame, error.message), error.status);
  if (isDeskError(error)) return context.html(refusal(frame, error.message), error.kind === 'invalid' ? 400 : 409);
  throw error;
}

function refusal(frame: Frame, message: string): Html {
  return layout({
    ...frame,
    title: 'That did not work',
    body: html`<p class="lead">${text(message, 500)}</p>
      <p><a href="${frame.root}">What breaks next</a></p>`,
  });
}
