import { connect } from 'node:net';
import { expect, test } from 'vitest';
import { ServerFolder } from './server.ts';

/** Upgrades a bare socket to a WebSocket and reads nothing any more: it never answers a close. */
async function stuckReader(url: string): Promise<Disposable> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  const upgraded = Promise.withResolvers<void>();
  socket.once('data', () => {
    socket.pause();
    upgraded.resolve();
  });
  socket.on('error', () => undefined);
  socket.write(
    [
      'GET / HTTP/1.1',
      `Host: ${hostname}:${port}`,
      'Connection: Upgrade',
      'Upgrade: websocket',
      'Sec-WebSocket-Version: 13',
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
      '',
      '',
    ].join('\r\n'),
  );
  await upgraded.promise;
  return { [Symbol.dispose]: () => void socket.destroy() };
}

test('a reader that is stuck holds up a stop until the deadline, and no longer; what is stored is whole', { timeout: 60_000 }, async () => {
  await using folder = new ServerFolder('stop: { deadline: 1500ms }');
  const { child, url, ended } = await folder.start();
  using _stuck = await stuckReader(url);
  const begun = Date.now();
  child.kill('SIGTERM');
  expect(await ended).toBe(0);
  expect(Date.now() - begun).toBeGreaterThanOrEqual(1_400);
  expect(Date.now() - begun).toBeLessThan(8_000);
  expect((await folder.run(['journal', 'verify'])).code).toBe(0);
  expect((await folder.run(['ledger', 'verify'])).code).toBe(0);
});

test('a second signal ends it at once, with code 130', { timeout: 60_000 }, async () => {
  await using folder = new ServerFolder('stop: { deadline: 10m }');
  const { child, url, ended } = await folder.start();
  using _stuck = await stuckReader(url);
  child.kill('SIGTERM');
  await new Promise<void>((resolve) => child.stderr?.on('data', (text: string) => text.includes('stopping') && resolve()));
  child.kill('SIGTERM');
  expect(await ended).toBe(130);
});
