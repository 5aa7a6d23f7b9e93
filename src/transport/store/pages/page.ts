import { createHash } from 'node:crypto';
import { type Html, html, raw } from './html.ts';
import { SCRIPT, STYLE } from './style.ts';

/** What is the same on every page of a store. */
export interface Shop {
  readonly title: string;
  /** Where the store is mounted: `/cats`, or nothing. */
  readonly base: string;
}

const sourceOf = (text: string) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;

/** Nothing but what stands in the page itself: no script of anybody else's, no picture, no frame. */
export const PAGE_HEADERS: Readonly<Record<string, string>> = {
  'Content-Type': 'text/html; charset=utf-8',
  'Content-Security-Policy': `default-src 'none'; style-src ${sourceOf(STYLE)}; script-src ${sourceOf(SCRIPT)}; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'`,
};

/** What a page may have beside its content. */
export interface PageOptions {
  /** Seconds until it is loaded again where there is no JavaScript, and the URL that says when to where there is. */
  readonly watch?: { readonly seconds: number; readonly statusUrl: string };
}

/** A whole page. */
export function page({ title, base }: Shop, heading: string, content: Html, { watch }: PageOptions = {}): string {
  const refresh = watch && html`<noscript><meta http-equiv="refresh" content="${watch.seconds}"></noscript>`;
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<meta name="robots" content="noindex">
<title>${heading === title ? title : `${heading} · ${title}`}</title>
${refresh}<style>${raw(STYLE)}</style>
</head>
<body>
<header><a href="${base}/">⚡ ${title}</a></header>
<main${watch && html` data-status="${watch.statusUrl}"`}>
${content}
</main>
${watch && html`<script>${raw(SCRIPT)}</script>`}
</body>
</html>
`.text;
}
