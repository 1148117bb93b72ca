import { html } from 'hono/html';

import type { ChainNode, ChainTree } from '../../policy/chain-tree.ts';
import { span, utc } from '../../policy/wording.ts';
import { text, type Html } from './layout.ts';

const WIDTH = 640;
const BOX = 54;
const GAP = 22;
const MAX_NAME = 58;
/** Certificates of one path that are drawn. */
const MAX_NODES = 12;
const MAX_LISTED = 20;

/** A chain as a picture, the root on top, what limits it marked; what is wrong with it in words below. */
export function chainPicture(tree: ChainTree, location: string, number: number, now: number): Html {
  const nodes = tree.path.slice(-MAX_NODES);
  const height = nodes.length * (BOX + GAP) - GAP + 4;
  const limit = nodes.find(({ limits }) => limits);
  return html`<figure class="chain">
    <div class="wide" role="region" aria-label="Chain ${number}" tabindex="0">
      <svg viewBox="0 0 ${WIDTH} ${height}" role="img" aria-labelledby="chain-${number}">
        <title id="chain-${number}">
          Chain at ${text(location)}, ${tree.isTrusted ? 'trusted' : 'not trusted'}, from the top:
          ${nodes.map((node) => `${text(node.name, 80)} (${stateOf(node, now)})`).join('; ')}
        </title>
        ${nodes.map((node, index) => boxOf(node, index, nodes.length, now))}
      </svg>
    </div>
    <figcaption>
      ${text(location)}:
      ${limit === undefined ? 'nothing known limits it' : html`<strong>${text(limit.name, 80)}</strong> limits it`}.
      ${
        tree.faults.length === 0
          ? ''
          : html`<ul>
              ${tree.faults.slice(0, MAX_LISTED).map((fault) => html`<li>${text(fault, 500)}</li>`)}
            </ul>`
      }
      ${
        tree.beside.length === 0
          ? ''
          : html`<p>
              Sent beside it:
              ${tree.beside
                .slice(0, MAX_LISTED)
                .map(({ name, why }) => `${text(name, 80)} (${why})`)
                .join(', ')}
            </p>`
      }
    </figcaption>
  </figure>`;
}

function boxOf(node: ChainNode, index: number, count: number, now: number): Html {
  const y = index * (BOX + GAP) + 2;
  const isMissing = node.from === 'nowhere' || node.from === 'elsewhere';
  const kind = [isMissing ? 'missing' : '', node.limits ? 'limits' : ''].filter((one) => one !== '').join(' ');
  return html`<g class="node ${kind}">
    <rect x="1" y="${y}" width="${WIDTH - 2}" height="${BOX}" />
    ${node.limits ? html`<line class="bar" x1="4" y1="${y}" x2="4" y2="${y + BOX}" />` : ''}
    <text class="name" x="18" y="${y + 22}">${text(node.name, MAX_NAME)}</text>
    <text class="state" x="18" y="${y + 43}">${stateOf(node, now)}</text>
    ${index < count - 1 ? html`<line class="issued" x1="28" y1="${y + BOX}" x2="28" y2="${y + BOX + GAP}" />` : ''}
  </g>`;
}

function stateOf(node: ChainNode, now: number): string {
  const end = node.notAfter === undefined ? [] : [endText(node.notAfter, now)];
  return [...end, fromText(node), ...(node.limits ? ['LIMITS THE CHAIN'] : [])].join(' · ');
}

function endText(end: NonNullable<ChainNode['notAfter']>, now: number): string {
  switch (end.status) {
    case 'known':
      return end.at > now
        ? `ends ${utc(end.at).slice(0, 10)}, in ${span(end.at - now)}`
        : `ended ${utc(end.at).slice(0, 10)}, ${span(now - end.at)} ago`;
    case 'never':
      return 'never ends';
    case 'unreadable':
      return 'its end cannot be read';
  }
}

function fromText({ from, sentAs }: ChainNode): string {
  switch (from) {
    case 'server':
      return `sent as ${sentAs ?? 0}`;
    case 'trust-store':
      return 'in the trust store';
    case 'elsewhere':
      return 'MISSING: known from elsewhere';
    case 'nowhere':
      return 'MISSING: neither sent nor in a trust store';
  }
}
