import { readFileSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { ServerFolder } from './server.ts';

interface Message {
  readonly op: string;
  readonly [field: string]: unknown;
}

/** A connection; `next` answers the first message of an operation that has not been read yet. */
async function connect(url: string): Promise<{ ask(request: object): void; next(op: string): Promise<Message>; close(): void }> {
  const socket = new WebSocket(url);
  const messages: Message[] = [];
  socket.on('message', (data) => void messages.push(JSON.parse(String(data)) as Message));
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
  return {
    ask: (request) => socket.send(JSON.stringify(request)),
    async next(op) {
      await expect.poll(() => messages.some((message) => message.op === op), { timeout: 10_000 }).toBe(true);
      const [message] = messages.splice(
        messages.findIndex((each) => each.op === op),
        1,
      );
      if (message === undefined) throw new Error('it was there');
      return message;
    },
    close: () => socket.close(),
  };
}

test('a token is revoked by its subscription while the server runs, and by itself while it does not', { timeout: 120_000 }, async () => {
  await using folder = new ServerFolder('log: { level: warn }');
  const { child, url, ended } = await folder.start();
  const buyer = await connect(url);
  buyer.ask({ op: 'sub', table: 'trade', syms: ['AAPL'] });
  const first = await buyer.next('quote');
  const second = await connect(url);
  second.ask({ op: 'sub', table: 'trade', syms: ['AAPL'] });
  const other = await second.next('quote');

  const revoked = await folder.run(['token', 'revoke', String(first['subscription']), '--json']);
  expect(revoked).toMatchObject({ code: 0, stderr: '' });
  expect(JSON.parse(revoked.stdout)).toMatchObject({
    subscription: first['subscription'],
    fresh: true,
    online: true,
    withdrawn: [first['quote']],
  });
  expect(await buyer.next('error')).toMatchObject({ code: 'BAD_TOKEN', retry: 'never', message: expect.stringContaining('revoked') });
  expect(await buyer.next('expired')).toMatchObject({ quote: first['quote'], reason: 'unpaid' });
  buyer.ask({ op: 'resume', token: first['token'] });
  expect(await buyer.next('error')).toMatchObject({ code: 'BAD_TOKEN' });

  expect(await folder.run(['token', 'revoke', 'nobody'])).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('no such subscription'),
  });
  expect((await folder.run(['token', 'revoke'])).code).toBe(2);
  child.kill('SIGTERM');
  expect(await ended).toBe(0);

  const again = await folder.run(['token', 'revoke', '--token-file', '-'], { input: `${String(first['token'])}\n` });
  expect(again).toMatchObject({ code: 0, stdout: expect.stringContaining('revoked before') });
  writeFileSync(folder.join('token'), String(other['token']));
  const offline = await folder.run(['token', 'revoke', '--token-file', 'token', '--json']);
  expect(JSON.parse(offline.stdout)).toMatchObject({ subscription: other['subscription'], fresh: true, online: false });
  expect(offline.stdout + offline.stderr).not.toContain(readFileSync(folder.join('token'), 'utf8'));
  expect(await folder.run(['token', 'revoke', '--token-file', '-'], { input: 'nonsense' })).toMatchObject({ code: 1 });
  expect((await folder.run(['ledger', 'verify'])).code).toBe(0);
});

test('a journal that was deleted does not bring numbers back: the epoch is a new one', { timeout: 60_000 }, async () => {
  await using folder = new ServerFolder('log: { level: warn }');
  const epochs: number[] = [];
  for (let round = 0; round < 2; round += 1) {
    const { child, ended } = await folder.start();
    await expect
      .poll(async () => (JSON.parse((await folder.run(['journal', 'verify', '--json'])).stdout) as { rows: number }).rows, {
        timeout: 20_000,
      })
      .toBeGreaterThan(0);
    child.kill('SIGTERM');
    expect(await ended).toBe(0);
    const [line = ''] = (await folder.run(['journal', 'replay', '--limit', '1'])).stdout.split('\n');
    epochs.push((JSON.parse(line) as { epoch: number }).epoch);
    folder.remove('data', 'journal');
  }
  expect(epochs).toEqual([1, 2]);
});
