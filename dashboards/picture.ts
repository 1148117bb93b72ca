import type { overview } from './overview.ts';

/** Width of one of the 24 columns, and height of one row, of Grafana's grid. */
const COLUMN = 46;
const ROW = 26;
const GAP = 6;
/** Characters of the small text that fit into a column. */
const PER_COLUMN = 7.4;
const LINE = 15;

/** The plan of a dashboard: what is where and what it says, as it can be drawn without a Grafana and without data. */
export function pictureOf(dashboard: ReturnType<typeof overview>): string {
  const panels = dashboard.panels ?? [];
  const height = Math.max(...panels.map(({ gridPos }) => (gridPos?.y ?? 0) + (gridPos?.h ?? 0)));
  const shapes = panels.map((panel) => {
    const { x = 0, y = 0, w = 0, h = 0 } = panel.gridPos ?? {};
    const at = { x: x * COLUMN + GAP, y: y * ROW + GAP, width: w * COLUMN - GAP, height: h * ROW - GAP };
    const title = text(at.x + 8, at.y + 19, panel.title ?? '', 'title');
    if (panel.type === 'row') return title;
    const description = 'description' in panel ? (panel.description ?? '') : '';
    const lines = wrapped(description, Math.floor(w * PER_COLUMN), Math.floor((at.height - 44) / LINE));
    return [
      `<rect x="${at.x}" y="${at.y}" width="${at.width}" height="${at.height}" rx="3" class="panel"/>`,
      title,
      ...lines.map((line, index) => text(at.x + 8, at.y + 38 + index * LINE, line, 'small')),
      text(at.x + 8, at.y + at.height - 8, panel.type, 'kind'),
    ].join('\n');
  });
  const [width, depth] = [24 * COLUMN + GAP, height * ROW + GAP];
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${depth}" width="${width}" height="${depth}" role="img">
<title>${escaped(dashboard.title ?? '')}</title>
<style>
text { font-family: sans-serif; fill: #24292f; }
.title { font-size: 12px; font-weight: 600; }
.small { font-size: 11px; fill: #57606a; }
.kind { font-size: 10px; fill: #8c959f; }
.panel { fill: #ffffff; stroke: #d0d7de; }
</style>
<rect width="100%" height="100%" fill="#f6f8fa"/>
${shapes.join('\n')}
</svg>
`;
}

function text(x: number, y: number, content: string, style: string): string {
  return `<text x="${x}" y="${y}" class="${style}">${escaped(content)}</text>`;
}

function escaped(content: string): string {
  return content.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

/** Lines of at most `length` characters; what does not fit into `count` of them is left out. */
function wrapped(content: string, length: number, count: number): readonly string[] {
  const lines = [''];
  for (const word of content.split(' ')) {
    const last = lines.at(-1) ?? '';
    if (last === '') lines[lines.length - 1] = word;
    else if (last.length + 1 + word.length <= length) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  const kept = lines.slice(0, Math.max(0, count));
  return kept.length < lines.length
    ? kept.map((line, index) => (index === kept.length - 1 ? `${line} …` : line))
    : kept;
}
