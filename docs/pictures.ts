/*
 * node docs/pictures.ts: draws the messages of the channels in Chromium, into docs/images. Mails are drawn as they are;
 * of Slack and Teams a preview is drawn from what is sent to them.
 */
import { mkdir, writeFile } from 'node:fs/promises';

import { chromium, type Page } from 'playwright-core';

import { htmlOf } from '../alerts/email/html.ts';
import { blocksOf, noteBlocksOf } from '../alerts/slack/blocks.ts';
import { messageOf } from '../alerts/teams/card.ts';
import { escapeHtml } from '../src/text/html.ts';
import { DIGEST, RESOLVED, SAMPLE } from './sample.ts';

const IMAGES = new URL('images/', import.meta.url);
const CHROMIUM = process.env['CHROMIUM'] ?? '/usr/bin/chromium';

/** Blocks of Slack and elements of adaptive cards, as far as they are drawn. */
interface Part {
  readonly type: string;
  readonly text?: string | { readonly text: string };
  readonly fields?: readonly Part[];
  readonly elements?: readonly Part[];
  readonly items?: readonly Part[];
  readonly inlines?: readonly Part[];
  readonly style?: string;
  readonly spacing?: string;
  readonly weight?: string;
  readonly size?: string;
  readonly color?: string;
  readonly fontType?: string;
  readonly isSubtle?: boolean;
}

/** Drawn, so that the picture does not depend on the fonts of a machine. */
const EMOJI: Readonly<Record<string, string>> = {
  red_circle: '<i style="background:#dd2e44"></i>',
  large_yellow_circle: '<i style="background:#fdcb58"></i>',
  white_circle: '<i style="background:#e6e7e8"></i>',
  white_check_mark: '<i style="background:#77b255;border-radius:4px">✓</i>',
};

/** Text of mrkdwn, which comes escaped. */
function mrkdwn(text: string): string {
  return text
    .replace(/:([a-z_]+):/g, (whole, name: string) => EMOJI[name] ?? whole)
    .replace(/<(https?:[^|>]+)\|([^>]+)>/g, '<a href="$1">$2</a>')
    .replace(/`([^`]+)`/g, '<code>$1</code>')
    .replace(/\*([^*\n]+)\*/g, '<b>$1</b>')
    .replaceAll('\n', '<br>');
}

function wordsOf({ text }: Part): string {
  return typeof text === 'object' ? text.text : (text ?? '');
}

function slackBlock(block: Part): string {
  const text = typeof block.text === 'object' ? `<p>${mrkdwn(block.text.text)}</p>` : '';
  const fields = (block.fields ?? []).map((field) => `<div>${mrkdwn(wordsOf(field))}</div>`).join('');
  const elements = (block.elements ?? []).map((element) => mrkdwn(wordsOf(element))).join(' ');
  return `${text}${fields === '' ? '' : `<div class="fields">${fields}</div>`}${elements === '' ? '' : `<p class="context">${elements}</p>`}`;
}

function slackMessage(blocks: readonly unknown[]): string {
  return `<div class="message"><div class="avatar">n</div><div><b>notafter</b> <span class="app">APP</span>${(blocks as readonly Part[]).map(slackBlock).join('')}</div></div>`;
}

function slackPage(): string {
  return `<style>
    body { font: 15px/1.46 Lato, 'Segoe UI', Arial, sans-serif; color: #1d1c1d; margin: 16px; width: 640px; background: #fff }
    .message { display: grid; grid-template-columns: 36px 1fr; gap: 8px; margin-bottom: 16px }
    .avatar { width: 36px; height: 36px; border-radius: 6px; background: #26547c; color: #fff; text-align: center; line-height: 34px; font-weight: bold }
    i { display: inline-block; width: 16px; height: 16px; border-radius: 50%; vertical-align: -2px; color: #fff; font: bold 13px/16px Arial; text-align: center }
    .app { font-size: 10px; background: #eee; padding: 1px 3px; border-radius: 2px; color: #616061 }
    p { margin: 4px 0 } .fields { display: grid; grid-template-columns: 1fr 1fr; gap: 6px 16px; overflow-wrap: anywhere }
    code { font: 12px Menlo, Consolas, monospace; color: #e01e5a; background: #f6f6f6; border: 1px solid #ddd; border-radius: 3px; padding: 1px 3px; overflow-wrap: anywhere }
    .context { font-size: 12px; color: #616061 } a { color: #1264a3; text-decoration: none }
    .thread { margin-left: 44px; padding-left: 12px; border-left: 3px solid #ddd } h2 { font-size: 12px; color: #616061; font-weight: normal }
  </style>${slackMessage(blocksOf(SAMPLE))}<div class="thread"><h2>Thread, shown in the channel too</h2>${slackMessage(noteBlocksOf(SAMPLE))}${slackMessage(noteBlocksOf(RESOLVED))}</div>`;
}

const INK: Readonly<Record<string, string>> = { attention: '#c4314b', warning: '#8a5300', good: '#237b4b' };
const GROUND: Readonly<Record<string, string>> = {
  attention: '#fcf4f6',
  warning: '#fbf6d9',
  good: '#e7f2da',
  emphasis: '#f5f5f5',
};

function cardPart(part: Part): string {
  switch (part.type) {
    case 'Container':
      return `<div class="box ${part.spacing ?? ''}" style="background:${GROUND[part.style ?? ''] ?? '#fff'}">${(part.items ?? []).map(cardPart).join('')}</div>`;
    case 'RichTextBlock':
      return `<p class="${part.spacing ?? ''}">${(part.inlines ?? []).map(cardPart).join('')}</p>`;
    case 'TextRun': {
      const style = [
        part.weight === 'bolder' ? 'font-weight:600' : '',
        part.size === 'large' ? 'font-size:18px' : '',
        part.fontType === 'monospace' ? 'font-family:Consolas,Menlo,monospace;font-size:13px' : '',
        part.isSubtle === true ? 'color:#616161' : '',
        part.color === undefined ? '' : `color:${INK[part.color] ?? 'inherit'}`,
      ];
      return `<span style="${style.filter((rule) => rule !== '').join(';')}">${escapeHtml(wordsOf(part))}</span>`;
    }
    default:
      throw new Error(`the preview knows no ${part.type}`);
  }
}

function teamsPage(): string {
  const { attachments } = JSON.parse(messageOf(SAMPLE)) as {
    attachments: [{ content: { body: readonly Part[]; actions: readonly { title: string }[] } }];
  };
  const { body, actions } = attachments[0].content;
  return `<style>
    body { font: 14px/1.4 'Segoe UI', Arial, sans-serif; color: #242424; background: #f0f0f0; margin: 16px; width: 660px }
    .card { background: #fff; border: 1px solid #ddd; border-radius: 6px; padding: 0 16px 16px }
    .card > .box:first-child { margin: 0 -16px; padding: 12px 16px; border-radius: 6px 6px 0 0 } .box { padding: 8px 10px } .box p { margin: 0 }
    p { margin: 8px 0 0; overflow-wrap: anywhere; white-space: pre-wrap } p.none { margin: 0 } p.small, .box.small { margin-top: 4px } p.medium { margin-top: 16px }
    button { font: inherit; font-weight: 600; background: #fff; border: 1px solid #d1d1d1; border-radius: 4px; padding: 5px 12px; margin: 16px 8px 0 0 }
  </style><div class="card">${body.map(cardPart).join('')}${actions.map(({ title }) => `<button>${escapeHtml(title)}</button>`).join('')}</div>`;
}

async function draw(page: Page, name: string, html: string, width: number): Promise<void> {
  await page.setViewportSize({ width, height: 400 });
  await page.setContent(html);
  await writeFile(new URL(`${name}.png`, IMAGES), await page.screenshot({ fullPage: true }));
}

await mkdir(IMAGES, { recursive: true });
const browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] });
try {
  const page = await browser.newPage({ javaScriptEnabled: false });
  // Whatever a message would fetch is a fault.
  await page.route('**/*', (route) => route.abort());
  await draw(page, 'message-email', htmlOf(SAMPLE), 760);
  await draw(page, 'message-email-phone', htmlOf(SAMPLE), 390);
  await draw(page, 'message-email-resolved', htmlOf(RESOLVED), 760);
  await draw(page, 'message-email-digest', htmlOf(DIGEST), 760);
  await draw(page, 'message-slack', slackPage(), 672);
  await draw(page, 'message-teams', teamsPage(), 692);
} finally {
  await browser.close();
}
