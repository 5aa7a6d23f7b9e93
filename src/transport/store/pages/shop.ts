import { itemPath } from '../../../core/store/item-path.ts';
import type { Listing } from '../../../core/store/items.ts';
import { html } from './html.ts';
import { page, type Shop } from './page.ts';
import { satText, sizeText } from './words.ts';

/** All that is for sale. */
export function shopPage(shop: Shop, listings: readonly Listing[]): string {
  const shelf =
    listings.length === 0
      ? html`<p class="soft">There is nothing on the shelf yet.</p>`
      : html`<ul class="shelf">${listings.map((listing) => shelfItem(shop, listing))}</ul>`;
  return page(
    shop,
    shop.title,
    html`<h1>${shop.title}</h1>
<p class="soft">Paid over Lightning, no account: you pay an invoice, and have it at once.</p>
${shelf}`,
  );
}

/** One item, before anybody has asked for an invoice. `path`: its URL below `/items/`, with what is asked of it. */
export function itemPage(shop: Shop, listing: Listing, path: string): string {
  const { title, description, size, priceMsat } = listing;
  return page(
    shop,
    title,
    html`<div class="card">
<h1>${title}</h1>
${description !== undefined && html`<p class="soft">${description}</p>`}
${size !== undefined && html`<p class="soft">${sizeText(size)}</p>`}
<p class="price">${satText(priceMsat)}</p>
<form class="buttons" method="post" action="${shop.base}/items/${path}"><button class="button">Buy</button></form>
</div>`,
  );
}

function shelfItem({ base }: Shop, { id, title, description, size, priceMsat }: Listing) {
  const url = `${base}/items/${itemPath(id)}`;
  const detail = description ?? (size === undefined ? undefined : sizeText(size));
  return html`<li><div class="what"><a href="${url}">${title}</a>${detail !== undefined && html`<div class="soft">${detail}</div>`}</div>
<form method="post" action="${url}"><button class="button">${satText(priceMsat)}</button></form></li>`;
}
