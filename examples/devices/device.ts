// A tap: shows an invoice to whoever wants water, and lets it run once that is paid. It works through power cuts on either side.
//   DEVICE_TOKEN=… node examples/devices/device.ts mqtt://127.0.0.1:1883 <device id> water
// A line on standard input is a customer: the millisatoshi they want water for; an empty line where the price is fixed.
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { connect } from 'mqtt';

const [url = 'mqtt://127.0.0.1:1883', id = '', item = 'water', file = `tap-${id}.json`] = process.argv.slice(2);
const topic = (name: string): string => `devices/${id}/${name}`;

/** What must survive a power cut: the sale that waits for its invoice, and what was done. */
interface State {
  sale?: { key: string; amountMsat?: string } | undefined;
  done: string[];
}
const state: State = read() ?? { done: [] };
function read(): State | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as State;
  } catch {
    return undefined;
  }
}
function save(): void {
  writeFileSync(`${file}.new`, JSON.stringify(state), { flush: true });
  renameSync(`${file}.new`, file);
}

const server = connect(url, { username: id, password: process.env['DEVICE_TOKEN'] ?? '', reconnectOnConnackError: true });
const ask = (): void => {
  if (state.sale !== undefined) server.publish(topic('invoice'), JSON.stringify({ item, ...state.sale }), { qos: 1 });
};
server.on('connect', () => {
  // The subscription brings what was paid meanwhile; the invoice whose answer was lost is asked for again, by its key.
  server.subscribe(topic('+'), { qos: 1 }, ask);
});
server.on('error', (error) => console.error(error.message));
server.on('message', (_topic, payload) => {
  const told = JSON.parse(payload.toString());
  if (told.op === 'error') console.error(`${told.code}: ${told.message}`);
  if (told.op === 'error' && told.retry === 'later') setTimeout(ask, 5_000);
  else if (told.op === 'error') state.sale = undefined;
  if (told.op === 'invoiced' && told.key === state.sale?.key) {
    state.sale = undefined;
    save();
    console.log(`pay ${told.invoice}`);
  }
  if (told.op === 'settled') {
    if (told.kind === 'paid' && !state.done.includes(told.settlement)) console.log(`${told.item} for ${told.receivedMsat} msat is running`);
    // Written down before it is acknowledged: told again, it lets no water run twice. (A hundred are more than are ever told again.)
    state.done = [...new Set([...state.done, told.settlement])].slice(-100);
    save();
    server.publish(topic('ack'), JSON.stringify({ settlements: [told.settlement] }), { qos: 1 });
  }
});
createInterface({ input: process.stdin }).on('line', (line) => {
  state.sale = { key: crypto.randomUUID(), ...(line.trim() !== '' && { amountMsat: line.trim() }) };
  save();
  ask();
});
