// Buys one of each from fastify.mjs, with a node of the same simulated network, as a program does: 402, pay, fetch.
//
//   node buy-cats.mjs

import { sat } from 'lightning-tickerplant';
import { start } from './fastify.mjs';

/** Buys what a URL names. */
export async function buy(url, wallet) {
  const asked = await fetch(url);
  if (asked.status !== 402) throw new Error(`${asked.status} ${await asked.text()}`);
  const { purchase } = await asked.json();
  const paid = await wallet.payments.pay({ paymentRequest: purchase.invoice, maxFeeMsat: sat(1) });
  console.log(`${purchase.title}: ${purchase.amountMsat} msat, ${paid.status}`);
  const bought = await fetch(url, { headers: { Authorization: `L402 ${purchase.token}:${paid.preimage}` } });
  return await bought.text();
}

const shop = await start(0);
const wallet = await shop.network.backend('buyer');
for (const item of ['two.txt', 'surprise', 'age?years=7', 'weights?cat=sleeping']) {
  console.log(await buy(`${shop.url}/cats/items/${item}`, wallet));
}
console.log(await (await fetch(`${shop.url}/hello`)).text());
await shop.stop();
