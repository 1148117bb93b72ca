import { alertmanager } from './alertmanager/index.ts';
import { email } from './email/index.ts';
import { exec } from './exec/index.ts';
import { pagerduty } from './pagerduty/index.ts';
import { slack } from './slack/index.ts';
import { teams } from './teams/index.ts';
import { webhook } from './webhook/index.ts';

/** Every channel there is, by type. */
export const channels = [alertmanager, email, exec, pagerduty, slack, teams, webhook] as const;
