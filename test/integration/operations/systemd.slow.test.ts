import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { ServerFolder } from './server.ts';

const LISTENER = fileURLToPath(new URL('./listener.py', import.meta.url));

/** A Unix datagram socket, as systemd has one. */
async function listen(path: string): Promise<{ readonly told: string[]; close(): void }> {
  const child = spawn('python3', [LISTENER, path], { stdio: ['ignore', 'pipe', 'inherit'] });
  const lines = createInterface(child.stdout);
  const told: string[] = [];
  await once(lines, 'line');
  lines.on('line', (line) => {
    if (!line.startsWith('BARRIER=')) told.push(line);
  });
  return { told, close: () => void child.kill('SIGKILL') };
}

for (const kind of ['a path', 'an abstract name']) {
  test(`on ${kind}: READY=1 once it listens, WATCHDOG=1 while it runs, STOPPING=1 when it ends`, { timeout: 60_000 }, async () => {
    await using folder = new ServerFolder();
    const path = kind === 'a path' ? folder.join('notify') : `@tickerplant-${process.pid}-${Date.now()}`;
    const manager = await listen(path);
    try {
      const { child, url, ended } = await folder.start({ NOTIFY_SOCKET: path, WATCHDOG_USEC: '1000000' });
      await expect.poll(() => manager.told.length, { timeout: 20_000 }).toBeGreaterThan(0);
      expect(manager.told[0]).toContain('READY=1');
      expect(manager.told[0]).toContain(`STATUS=listening on ${url}`);
      await expect.poll(() => manager.told.filter((each) => each.includes('WATCHDOG=1')).length, { timeout: 20_000 }).toBeGreaterThan(1);
      child.kill('SIGTERM');
      expect(await ended).toBe(0);
      await expect.poll(() => manager.told.at(-1), { timeout: 20_000 }).toContain('STOPPING=1');
      expect(manager.told.filter((each) => each.includes('READY=1'))).toHaveLength(1);
    } finally {
      manager.close();
    }
  });
}

test('a server that can not start is never ready', { timeout: 60_000 }, async () => {
  await using folder = new ServerFolder('journal: { dir: tickerplant.config.yaml }');
  const path = folder.join('notify');
  const manager = await listen(path);
  try {
    const { code } = await folder.run(['start'], { env: { NOTIFY_SOCKET: path } });
    expect(code).toBe(1);
    expect(manager.told).toEqual([]);
  } finally {
    manager.close();
  }
});
