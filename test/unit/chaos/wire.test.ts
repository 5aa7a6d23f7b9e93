import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { Wire } from '../../chaos/wire.ts';

/** A server that answers every piece in capitals, over a wire. */
async function overWire(): Promise<{ readonly wire: Wire; readonly heard: string[]; dial(): Promise<Socket> }> {
  const heard: string[] = [];
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.on('data', (bytes) => {
      heard.push(bytes.toString());
      socket.write(bytes.toString().toUpperCase());
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const wire = await Wire.to({ port: typeof address === 'object' && address !== null ? address.port : 0 });
  onTestFinished(async () => {
    await wire[Symbol.asyncDispose]();
    server.close();
  });
  const dial = async (): Promise<Socket> => {
    const socket = connect(wire.port, '127.0.0.1');
    socket.on('error', () => undefined);
    await once(socket, 'connect');
    return socket;
  };
  return { wire, heard, dial };
}

test('bytes go through both ways, until the wire is cut', async () => {
  const { wire, dial } = await overWire();
  const socket = await dial();
  socket.write('hello');
  expect(String((await once(socket, 'data'))[0])).toBe('HELLO');
  expect(wire.cut()).toBe(1);
  await once(socket, 'close');
  expect(wire.cut()).toBe(0);
});

test('on a muted wire what is said arrives and the answer is lost with the connection', async () => {
  const { wire, heard, dial } = await overWire();
  const socket = await dial();
  let answered = false;
  socket.on('data', () => {
    answered = true;
  });
  wire.mute();
  socket.write('pay');
  await expect.poll(() => heard).toEqual(['pay']);
  wire.mend();
  await once(socket, 'close');
  expect(answered).toBe(false);
});

test('a wire that refuses lets nobody through until it is mended', async () => {
  const { wire, dial } = await overWire();
  wire.refuse();
  await once(await dial(), 'close');
  wire.mend();
  const socket = await dial();
  socket.write('again');
  expect(String((await once(socket, 'data'))[0])).toBe('AGAIN');
});
