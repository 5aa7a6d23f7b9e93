/** Drives a simulated network from a shell: `node simnet-control.ts SOCKET mine 6`; what the commands of a file of nodes call. */
import { connectSimnet } from '../../../../src/adapters/simulated/socket/client.ts';
import { sat } from '../../../../src/core/lightning/amount.ts';
import { txId } from '../../../../src/core/lightning/identifiers.ts';

const [socket = '', command, first = '', second = ''] = process.argv.slice(2);
const control = connectSimnet(socket);
const print = (text: string): void => void process.stdout.write(`${text}\n`);

switch (command) {
  case 'mine':
    await control.call('mine', { blocks: Number(first) });
    break;
  case 'send':
    print((await control.call('sendToAddress', { address: first, amountMsat: sat(Number(second)) })).txId);
    break;
  case 'confirmations': {
    const found = await control.call('transaction', { txId: txId(first) });
    if (found !== null) print(JSON.stringify({ confirmations: found.confirmations }));
    break;
  }
  case 'stop':
    await control.call('stopNode', { node: first });
    break;
  case 'start':
    await control.call('startNode', { node: first });
    break;
  default:
    process.stderr.write(`there is no ${command}\n`);
    process.exitCode = 1;
}
await control[Symbol.asyncDispose]();
