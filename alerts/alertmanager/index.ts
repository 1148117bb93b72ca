import { z } from 'zod';

import { defineChannel, type ChannelInstance, type DeliveryResult } from '../../src/plugin/channel.ts';
import type { Context, SecretRef } from '../../src/plugin/context.ts';
import { checkedUrl, delivered, failed, secretFailure, statusFailure } from '../../src/plugin/delivery.ts';
import { durationOption, secretFields, secretOf } from '../../src/plugin/options.ts';
import { post } from '../../src/plugin/post.ts';
import { alertsOf, labelSetsOf } from './alert.ts';

/** Members of a cluster; more gain nothing. */
const MAX_MEMBERS = 10;
const VERIFY_DEADLINE_MS = 10_000;
/** Set by notafter for every alert. */
const RESERVED_LABELS = new Set(['alertname', 'severity', 'family', 'alert_id']);

const options = z
  .strictObject({
    urls: z
      .array(z.url({ protocol: /^https?$/ }))
      .min(1)
      .max(MAX_MEMBERS)
      .describe('Every member of the cluster, as http://host:9093: each is told by itself, as Prometheus does.'),
    username: z
      .string()
      .regex(/^[\u0020-\u0039\u003b-\u007e]{1,256}$/, 'a user name: printable ASCII without a colon')
      .optional()
      .describe('User of HTTP basic authentication.'),
    ...secretFields('password', 'Password of the user'),
    ...secretFields('token', 'Bearer token, instead of user and password'),
    labels: z
      .record(
        z
          .string()
          .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'a label name: letters, digits and _')
          .refine((name) => !RESERVED_LABELS.has(name), 'this label is set by notafter'),
        z.string().min(1).max(256),
      )
      .default({})
      .describe('Labels to add to every alert, for the routes of Alertmanager.'),
    hold: durationOption(
      'How long Alertmanager keeps an alert of which it hears nothing more. Longer than the longest interval of notifications.repeat.',
      '8d',
    ),
  })
  .refine(
    (value) => (value.username !== undefined) === (value.password !== undefined || value.password_file !== undefined),
    { message: 'username and password_file go together', path: ['username'] },
  )
  .refine((value) => value.username === undefined || (value.token === undefined && value.token_file === undefined), {
    message: 'give either username and password_file, or token_file',
    path: ['username'],
  });

/** Hands alerts to Alertmanager, which groups, silences and routes them. */
export const alertmanager = defineChannel({
  type: 'alertmanager',
  summary: 'Prometheus Alertmanager, every member of a cluster',
  options,
  async create({ urls, username, labels, hold, ...rest }, context): Promise<ChannelInstance> {
    const members = [...new Set(urls.map((url) => checkedUrl(url).replace(/\/+$/, '')))];
    const login = loginOf(rest, username);

    async function deliver(
      body: string,
      open: DeliveryReceipt,
      member: string,
      signal: AbortSignal,
    ): Promise<DeliveryResult> {
      if (!members.includes(member)) {
        const detail = 'this member is no longer in the config';
        return failed(member, { reason: 'rejected', detail, retryable: false });
      }
      let proof: Proof;
      try {
        proof = await proofOf(login, context);
      } catch (error) {
        return failed(member, secretFailure(error));
      }
      const headers = { 'content-type': 'application/json', ...proof.headers };
      const request = {
        url: `${member}/api/v2/alerts`,
        headers,
        body,
        secrets: proof.secrets,
        hasFreshCredentials: true,
      };
      const posted = await post(request, context, signal);
      return posted.status === 'failed' ? failed(member, posted.failure) : delivered(member, open);
    }

    return {
      recipients: () => members,
      async send(notification, to, previous, signal) {
        const { alerts, open } = alertsOf(notification, labelSetsOf(previous), { holdMs: hold, labels });
        const body = JSON.stringify(alerts);
        return Promise.all(to.map((member) => deliver(body, { open }, member, signal)));
      },
      async verify(signal) {
        const { headers } = await proofOf(login, context);
        for (const member of members) {
          const request = { headers, deadlineMs: VERIFY_DEADLINE_MS };
          const { status, body } = await context.network.fetch(`${member}/api/v2/status`, request, signal);
          const isAlertmanager = statusFailure(status) === undefined && body.includes('"versionInfo"');
          if (!isAlertmanager) throw new Error(`${member} does not answer as an Alertmanager (HTTP ${status})`);
        }
      },
    };
  },
});

type DeliveryReceipt = { readonly open: readonly Readonly<Record<string, string>>[] };

type Login =
  | { readonly kind: 'none' }
  | { readonly kind: 'basic'; readonly username: string; readonly password: SecretRef }
  | { readonly kind: 'bearer'; readonly token: SecretRef };

interface Proof {
  readonly headers: Readonly<Record<string, string>>;
  readonly secrets: readonly string[];
}

function loginOf(secrets: Readonly<Record<string, unknown>>, username: string | undefined): Login {
  const password = secretOf(secrets, 'password');
  const token = secretOf(secrets, 'token');
  if (username !== undefined && password !== undefined) return { kind: 'basic', username, password };
  return token === undefined ? { kind: 'none' } : { kind: 'bearer', token };
}

/** Throws an Error that holds no secret when one cannot be read or cannot stand in a header. */
async function proofOf(login: Login, context: Context): Promise<Proof> {
  switch (login.kind) {
    case 'none':
      return { headers: {}, secrets: [] };
    case 'basic': {
      const password = await context.secret(login.password);
      const encoded = Buffer.from(`${login.username}:${password}`).toString('base64');
      return { headers: { authorization: `Basic ${encoded}` }, secrets: [password, encoded] };
    }
    case 'bearer': {
      const token = await context.secret(login.token);
      if (!/^[\u0021-\u007e]{1,4096}$/.test(token)) throw new Error('the token holds characters that no token has');
      return { headers: { authorization: `Bearer ${token}` }, secrets: [token] };
    }
  }
}
