/** One bar: how long, and what is written beside it. */
interface Bar {
  readonly name: string;
  readonly value: number;
  readonly text: string;
}

/** Bars side by side in groups; all on one scale unless each group has its own. */
export interface BarChart {
  /** The file's name without ending. */
  readonly file: string;
  readonly title: string;
  readonly groups: readonly { readonly label: string; readonly bars: readonly Bar[] }[];
  readonly scale?: 'shared' | 'group';
}

const WIDTH = 820;
const LEFT = 150;
const RIGHT = 170;
const BAR = 18;
const GAP = 4;
const TITLE = 40;
const LABEL = 26;
/** Told apart by those too who see colours otherwise (after Okabe and Ito). */
const COLOURS = ['#0072b2', '#56b4e9', '#d55e00', '#e69f00', '#009e73', '#cc79a7', '#999999'];

/** A chart as SVG that stands on its own, on light and dark pages. */
export function barsSvg({ title, groups, scale = 'shared' }: BarChart): string {
  const names = [...new Set(groups.flatMap(({ bars }) => bars.map(({ name }) => name)))];
  const most = longest(groups.flatMap(({ bars }) => bars));
  const parts: string[] = [];
  let y = TITLE;
  for (const { label, bars } of groups) {
    const full = scale === 'group' ? longest(bars) : most;
    parts.push(`<text x="12" y="${y + 17}" font-weight="bold">${escaped(label)}</text>`);
    y += LABEL;
    for (const { name, value, text } of bars) {
      const width = Math.max(1, (value / full) * (WIDTH - LEFT - RIGHT));
      const colour = COLOURS[names.indexOf(name) % COLOURS.length];
      parts.push(`<text x="${LEFT - 8}" y="${y + 14}" text-anchor="end">${escaped(name)}</text>`);
      parts.push(`<rect x="${LEFT}" y="${y}" width="${width.toFixed(1)}" height="${BAR}" fill="${colour}"/>`);
      parts.push(`<text x="${(LEFT + width + 6).toFixed(1)}" y="${y + 14}">${escaped(text)}</text>`);
      y += BAR + GAP;
    }
    y += GAP * 2;
  }
  const head = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${y}" width="${WIDTH}" height="${y}" role="img" aria-label="${escaped(title)}" font-family="sans-serif" font-size="13" fill="#222">`;
  const heading = `<text x="12" y="26" font-size="16" font-weight="bold">${escaped(title)}</text>`;
  return `${[head, `<rect width="${WIDTH}" height="${y}" fill="#fff"/>`, heading, ...parts, '</svg>'].join('\n')}\n`;
}

function longest(bars: readonly Bar[]): number {
  return Math.max(...bars.map(({ value }) => value), Number.MIN_VALUE);
}

function escaped(text: string): string {
  return text.replace(/[<>&"]/g, (sign) => `&#${sign.charCodeAt(0)};`);
}
