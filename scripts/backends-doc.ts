/**
 * Writes the generated part of docs/backends.md: what each backend of the registry declares. `npm run docs:backends`
 * writes it, `npm run docs:backends -- --check` says whether it is up to date.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ADAPTERS } from '../src/adapters/registry.ts';
import type { AdapterDefinition } from '../src/adapters/shared/definition.ts';
import type { Capabilities } from '../src/core/lightning/capabilities.ts';

const ROOT = join(import.meta.dirname, '..');
const PAGE = join(ROOT, 'docs/backends.md');
const BEGIN = '<!-- begin: written by npm run docs:backends -->';
const END = '<!-- end -->';

/** Capability → what it means: the doc comments of the interface itself, in its order. */
export function capabilityMeanings(
  source: string = readFileSync(join(ROOT, 'src/core/lightning/capabilities.ts'), 'utf8'),
): ReadonlyMap<string, string> {
  const fields = source.matchAll(/\/\*\*\s*((?:(?!\*\/)[\s\S])*?)\s*\*\/\s*readonly (\w+):/g);
  return new Map(
    [...fields].map(([, meaning = '', name = '']) => [name, meaning.replace(/\s*\n\s*\*\s*/g, ' ').replace(/^[\s\S]*\/\*\*\s*/, '')]),
  );
}

/** The generated part, for these backends. */
export function generatedPart(
  definitions: readonly AdapterDefinition[],
  meanings: ReadonlyMap<string, string> = capabilityMeanings(),
): string {
  const kinds = definitions.map(({ kind }) => kind);
  const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  const capabilities = [...meanings].map(([name, meaning]) =>
    row([
      `\`${name}\``,
      meaning.replaceAll('|', '\\|'),
      ...definitions.map((definition) => shown(definition.capabilities[name as keyof Capabilities])),
    ]),
  );
  return [
    row(['capability', 'meaning', ...kinds]),
    row(['---', '---', ...kinds.map(() => '---')]),
    ...capabilities,
    '',
    row(['backend', 'versions it was made for', 'masked wherever a config is shown']),
    row(['---', '---', '---']),
    ...definitions.map(({ kind, versions, secrets }) =>
      row([
        `\`${kind}\``,
        versions?.text ?? 'its own',
        secrets.map((name) => `\`${name}\``).join(', ') || 'nothing: it has no secret of its own',
      ]),
    ),
  ].join('\n');
}

/** The page with its generated part replaced. @throws Error where the page has no place for it. */
export function withGeneratedPart(page: string, part: string): string {
  const [begin, end] = [page.indexOf(BEGIN), page.indexOf(END)];
  if (begin < 0 || end < begin) throw new Error(`docs/backends.md has no ${BEGIN} … ${END}`);
  return `${page.slice(0, begin + BEGIN.length)}\n${part}\n${page.slice(end)}`;
}

/** The page as it stands and as it should. */
export async function backendsPage(): Promise<{ readonly is: string; readonly shouldBe: string }> {
  const is = readFileSync(PAGE, 'utf8');
  const definitions = await Promise.all(Object.values(ADAPTERS).map((load) => load()));
  return { is, shouldBe: withGeneratedPart(is, generatedPart(definitions)) };
}

function shown(value: boolean | bigint): string {
  if (typeof value === 'bigint') return String(value);
  return value ? 'yes' : '–';
}

if (process.argv[1] === import.meta.filename) {
  const { is, shouldBe } = await backendsPage();
  if (is === shouldBe) console.log('docs/backends.md is up to date');
  else if (process.argv.includes('--check')) {
    console.error('docs/backends.md is not what the registry declares: npm run docs:backends');
    process.exitCode = 1;
  } else {
    writeFileSync(PAGE, shouldBe);
    console.log('docs/backends.md was written anew');
  }
}
