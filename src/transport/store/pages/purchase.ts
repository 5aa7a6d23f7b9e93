import { renderSVG } from 'uqr';
import type { PurchaseRecord } from '../../../core/ports/purchases.ts';
import { type Html, html, raw } from './html.ts';
import { page, type Shop } from './page.ts';
import { satText, timesText, timeText } from './words.ts';

const RELOAD_SECONDS = 5;

/** A purchase's page: what to pay, that it is paid, or that it is over. `url`: its link. */
export function purchasePage(shop: Shop, purchase: PurchaseRecord, url: string, now: number): string {
  if (purchase.state === 'settled') return paidPage(shop, purchase, url);
  if (purchase.state === 'open' && purchase.expiresAt > now) return unpaidPage(shop, purchase, url);
  const again = html`<form class="buttons" method="post" action="${shop.base}/items/${purchase.item}"><button class="button">Buy it now</button></form>`;
  return noticePage(shop, 'Not paid in time', `The invoice for ${purchase.title} has run out. Nothing was taken.`, again);
}

/** Something to be told, and perhaps done. */
export function noticePage(shop: Shop, heading: string, message: string, action?: Html): string {
  return page(shop, heading, html`<div class="card"><h1>${heading}</h1><p>${message}</p>${action}</div>`);
}

function unpaidPage(shop: Shop, purchase: PurchaseRecord, url: string): string {
  const { title, amountMsat, paymentRequest, expiresAt, deliveries } = purchase;
  const wallet = `lightning:${paymentRequest}`;
  // Upper case: a QR code holds it in fewer and larger squares (BIP 173; BOLT 11).
  const code = renderSVG(wallet.toUpperCase(), { ecc: 'L', border: 0, pixelSize: 4 }).replace(
    '<svg ',
    '<svg role="img" aria-label="the invoice" ',
  );
  return page(
    shop,
    title,
    html`<div class="card">
<h1>${title}</h1>
<p class="price">${satText(amountMsat)}</p>
<a class="qr" href="${wallet}">${raw(code)}</a>
<div class="buttons"><a class="button" href="${wallet}">Open wallet</a><button class="button plain" id="copy" type="button" hidden data-invoice="${paymentRequest}">Copy invoice</button></div>
<p class="waiting">Waiting for the payment</p>
<details class="invoice"><summary>The invoice as text</summary><code>${paymentRequest}</code></details>
</div>
<p class="soft">To be paid until ${timeText(expiresAt)}. The address of this page is yours alone: keep it, and you can fetch what you buy ${timesText(deliveries)}.</p>`,
    { watch: { seconds: RELOAD_SECONDS, statusUrl: `${url}/status` } },
  );
}

function paidPage(shop: Shop, purchase: PurchaseRecord, url: string): string {
  const { title, deliveries, delivered, refundedAt, id } = purchase;
  if (refundedAt !== undefined) return noticePage(shop, 'Given back', `The price of ${title} was given back to you (purchase ${id}).`);
  const left = deliveries - delivered;
  if (left <= 0) {
    return noticePage(
      shop,
      'Delivered already',
      `${title} was delivered ${timesText(delivered)}, as you bought it (purchase ${id}).`,
      buyAgain(shop, purchase),
    );
  }
  return page(
    shop,
    title,
    html`<div class="card">
<p class="mark" aria-hidden="true">✓</p>
<h1>${title}</h1>
<p>Paid. It is yours.</p>
<div class="buttons"><a class="button" href="${url}/item">Get it</a></div>
<p class="soft">You can fetch it ${timesText(left)}${left === deliveries ? '' : ' more'}; what breaks off does not count.</p>
</div>`,
  );
}

function buyAgain(shop: Shop, { item }: PurchaseRecord): Html {
  return html`<form class="buttons" method="post" action="${shop.base}/items/${item}"><button class="button plain">Buy another</button></form>`;
}
