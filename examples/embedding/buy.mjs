// Buys from server.mjs and prints five rows: a buyer in a few lines, with a node of the same simulated network.
//
//   node buy.mjs

import { sat } from 'lightning-tickerplant';
import { start } from './server.mjs';

const seller = await start(0);
const wallet = await seller.network.backend('buyer');
const socket = new WebSocket(seller.url);
const say = (message) => socket.send(JSON.stringify(message));
let left = 5;

socket.addEventListener('open', () => say({ op: 'sub', id: '1', table: 'temperature', syms: ['CELLAR'] }));
socket.addEventListener('message', async ({ data }) => {
  const message = JSON.parse(data);
  if (message.op === 'error') throw new Error(message.message);
  if (message.op === 'quote') {
    const outcome = await wallet.payments.pay({ paymentRequest: message.invoice, maxFeeMsat: sat(1) });
    console.log(`paid ${message.amountMsat} msat: ${outcome.status}`);
  }
  if (message.op !== 'upd') return;
  for (const row of message.rows) {
    if (left-- > 0) console.log(message.seq, ...row);
  }
  if (left <= 0) socket.close();
});
socket.addEventListener('close', async () => {
  console.log(await (await fetch(`${seller.http}/hello`)).text());
  await seller.stop();
});
