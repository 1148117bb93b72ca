import { email } from './email/index.ts';
import { slack } from './slack/index.ts';
import { webhook } from './webhook/index.ts';

/** Every channel there is, by type. */
export const channels = [email, slack, webhook] as const;
