import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openWorld } from './support/world.ts';

const PAGE = new URL('../../../docs/http.md', import.meta.url);

interface Step {
  readonly command: string;
  readonly output: string;
}

/** The commands of the page's transcripts, each with what it prints. */
async function transcripts(): Promise<readonly (readonly Step[])[]> {
  const blocks = [...(await readFile(PAGE, 'utf8')).matchAll(/```console\n([\s\S]*?)```/g)].map((match) => match[1] ?? '');
  return blocks.map((block) =>
    block
      .split(/^\$ /m)
      .slice(1)
      .map((step) => {
        const [command = '', ...output] = step.split('\n');
        return { command, output: output.join('\n') };
      }),
  );
}

/** What is printed, `…` standing for anything. */
function asPattern(output: string): RegExp {
  const parts = output
    .trim()
    .split('…')
    .map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${parts.join('[^\\n]*')}$`);
}

test('the transcripts of docs/http.md are what curl shows', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'tp-transcript-'));
  const world = await openWorld();
  // In place of the wallet command, which would need a node of its own: the same answer, from the buyer's node of this test.
  const wallet = createServer((request, response) => {
    void world.pay(request.url?.slice(1) ?? '').then((preimage) => response.end(JSON.stringify({ status: 'settled', preimage })));
  });
  try {
    wallet.listen(0, '127.0.0.1');
    await once(wallet, 'listening');
    await writeFile(join(dir, 'tickerplant'), `#!/bin/sh\nexec curl -s "http://127.0.0.1:${(wallet.address() as AddressInfo).port}/$2"\n`);
    await chmod(join(dir, 'tickerplant'), 0o755);
    await writeFile(join(dir, 'variables'), '');
    const run = async (command: string): Promise<string> => {
      const script = `source ./variables\n${command.replaceAll('http://127.0.0.1:8080', world.url)}\nfor name in TOKEN PREIMAGE QUOTE; do echo "$name='\${!name}'"; done > variables`;
      const env = { ...process.env, PATH: `${dir}:${process.env['PATH']}` };
      return await new Promise((resolve) =>
        execFile('bash', ['-c', script], { cwd: dir, env }, (_, stdout) => resolve(stdout.replaceAll('\r', ''))),
      );
    };
    world.tickerplant.publish('trade', [
      ['2026-11-20T14:30:00.000Z', 'AAPL', 39.81, 100],
      ['2026-11-20T14:30:00.000Z', 'GOOG', 71.25, 10],
    ]);
    const blocks = await transcripts();
    expect(blocks.length).toBe(6);
    for (const steps of blocks) {
      if (steps.some(({ command }) => command.includes('/v1/events'))) {
        world.tickerplant.publish('trade', [
          ['2026-11-20T14:30:01.000Z', 'AAPL', 39.82, 100],
          ['2026-11-20T14:30:01.000Z', 'GOOG', 71.3, 50],
        ]);
      }
      for (const { command, output } of steps) expect((await run(command)).trim(), command).toMatch(asPattern(output));
    }
  } finally {
    wallet.close();
    await world[Symbol.asyncDispose]();
    await rm(dir, { recursive: true, force: true });
  }
}, 60_000);
