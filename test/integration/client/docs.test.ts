import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { freePort } from '../../../regtest/native/free-ports.ts';
import { ThreeProcesses } from './support/three-processes.ts';

const ROOT = join(import.meta.dirname, '../../..');
const PAGE = readFileSync(join(ROOT, 'docs/buying.md'), 'utf8');
const wait = { timeout: 40_000, interval: 20 };

function example(name: string): string {
  const [, code] = new RegExp(`\`\`\`js ${name}\\n([^\`]*(?:\`[^\`]+)*?)\`\`\``).exec(PAGE) ?? [];
  if (code === undefined) throw new Error(`docs/buying.md has no example ${name}`);
  return code;
}

/** What the page imports from the package, from the sources. */
const SOURCES: Readonly<Record<string, string>> = {
  openStateDirectory: 'client/state-directory',
  openSubscriber: 'client/subscriber',
  openWallet: 'app/wallet',
  sat: 'core/lightning/amount',
  silentLogger: 'core/ports/logger',
  systemClock: 'app/system',
  systemRandom: 'app/system',
};

test('the examples of docs/buying.md buy and receive', async () => {
  const world = new ThreeProcesses(await freePort());
  const children: ReturnType<typeof spawn>[] = [];
  const run = (name: string): { stdout: string; stderr: string } => {
    const code = example(name)
      .replace(/import \{ ([^}]*) \} from 'lightning-tickerplant';/, (_, names: string) =>
        names
          .split(', ')
          .map((each) => `import { ${each} } from '${join(ROOT, 'src', `${SOURCES[each]}.ts`)}';`)
          .join('\n'),
      )
      .replaceAll('ws://127.0.0.1:5010', world.url);
    writeFileSync(world.path(`${name}.mjs`), code);
    const child = spawn(process.execPath, ['--no-warnings', world.path(`${name}.mjs`)], { cwd: world.base, env: world.environment() });
    children.push(child);
    const output = { stdout: '', stderr: '' };
    child.stdout.on('data', (data) => {
      output.stdout += String(data);
    });
    child.stderr.on('data', (data) => {
      output.stderr += String(data);
    });
    return output;
  };
  try {
    world.start('simnet');
    await expect.poll(() => world.outboundMsat(), wait).toBeGreaterThan(0n);
    world.start('server');
    await expect.poll(() => world.log('server'), wait).toContain(world.url);
    const sdk = run('sdk');
    const own = run('own');
    await expect.poll(() => own.stderr, wait).toContain('tickerplant pay');
    const [, invoice = ''] = /tickerplant pay (\S+)/.exec(own.stderr) ?? [];
    expect(world.run(['pay', invoice, '--wallet', world.path('buyer.yaml'), '--max-fee', '5']).status).toBe(0);
    await expect.poll(() => own.stdout, wait).toMatch(/^(AAPL|GOOG) \d+ \[/);
    await expect.poll(() => sdk.stdout, wait).toMatch(/^(AAPL|GOOG) \d+ \[/);
    expect(sdk.stderr).toContain('paid 200000 msat');
  } finally {
    for (const child of children) child.kill('SIGKILL');
    await world.dispose();
  }
}, 90_000);
