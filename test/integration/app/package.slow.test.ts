import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';

const run = promisify(execFile);
const ROOT = join(import.meta.dirname, '../../..');
/** The oldest Node that the package says it runs on. */
const OLDEST = '22.13.0';

let project: string;

/** What `npm pack` makes, installed into an empty project as a user would. */
beforeAll(async () => {
  project = await mkdtemp(join(tmpdir(), 'tp-package-'));
  const packed = join(project, 'packed');
  await mkdir(packed);
  await run('npm', ['pack', '--silent', '--pack-destination', packed], { cwd: ROOT });
  const [tarball] = await readdir(packed);
  await writeFile(join(project, 'package.json'), JSON.stringify({ name: 'empty', private: true, type: 'module' }));
  const quiet = ['--prefer-offline', '--no-audit', '--no-fund', '--loglevel=error'];
  await run('npm', ['install', ...quiet, join(packed, tarball as string), `node@${OLDEST}`], { cwd: project });
  for (const example of ['embedding', 'contract', 'store']) {
    await cp(join(project, 'node_modules/lightning-tickerplant/examples', example), project, { recursive: true });
  }
}, 180_000);
afterAll(() => rm(project, { recursive: true, force: true }));

const nodes: readonly (readonly [string, () => string])[] = [
  [OLDEST, () => join(project, 'node_modules/node/bin/node')],
  [process.versions.node, () => process.execPath],
];

for (const [version, binary] of nodes) {
  test(`installed, the embedding example sells and buys on Node ${version}`, async () => {
    expect((await run(binary(), ['--version'])).stdout.trim()).toBe(`v${version}`);
    const { stdout } = await run(binary(), ['buy.mjs'], { cwd: project, timeout: 30_000 });
    expect(stdout).toContain('paid 10000 msat: settled');
    expect(stdout.match(/CELLAR/g)).toHaveLength(5);
    expect(stdout).toContain('hello, 1 invoices so far');
  }, 40_000);

  test(`installed, the store's example sells and buys on Node ${version}`, async () => {
    const { stdout } = await run(binary(), ['buy-cats.mjs'], { cwd: project, timeout: 30_000 });
    expect(stdout.match(/settled$/gm)).toHaveLength(4);
    expect(stdout).toContain('Two cats');
    expect(stdout).toContain('4 sold so far');
  }, 40_000);

  test(`installed, the command answers on Node ${version}`, async () => {
    const { stdout } = await run(binary(), ['node_modules/.bin/tickerplant', '--help'], { cwd: project });
    expect(stdout).toContain('paid over Lightning');
  });
}

for (const [version, binary] of nodes) {
  test(`installed, the contract runs in another test runner on Node ${version}, on the very classes of the package`, async () => {
    const some = ['--test', '--test-reporter=tap', '--test-name-pattern=/invoices: a|flow: the same key/', 'contract.test.mjs'];
    const { stdout } = await run(binary(), some, { cwd: project, timeout: 60_000 });
    expect(Number(/^# pass (\d+)$/m.exec(stdout)?.[1])).toBeGreaterThanOrEqual(8);
    expect(stdout).toMatch(/^# fail 0$/m);
    await writeFile(
      join(project, 'same.mjs'),
      `import { isLightningError } from 'lightning-tickerplant';
       import { runSuite, simulatedTarget } from 'lightning-tickerplant/contract';
       const network = await simulatedTarget();
       const results = await runSuite('lightning-backend', network, { only: (title) => title === 'node: tells id, network, height and that it is synced' });
       const refused = await network.payer.backend.wallet.send({ address: 'nowhere', amountMsat: 1000n }).catch((error) => error);
       console.log(results.map(({ result }) => result).join(), isLightningError(refused, 'INVALID_ARGUMENT'));
       await network[Symbol.asyncDispose]();`,
    );
    expect((await run(binary(), ['same.mjs'], { cwd: project, timeout: 30_000 })).stdout.trim()).toBe('passed true');
  }, 90_000);
}

test('a program in strict TypeScript compiles against it', async () => {
  await writeFile(
    join(project, 'consumer.ts'),
    `import { createTickerplant, type LightningBackend, type Msat, msat } from 'lightning-tickerplant';
     declare const backend: LightningBackend;
     const tickerplant = await createTickerplant({ backend, tables: { t: { columns: { time: 'timestamp', sym: 'symbol' }, pricing: { msat: msat(5n) } } } });
     tickerplant.publish('t', [['2026-11-20T14:30:00.000Z', 'A']]);
     // @ts-expect-error: a number is no amount of money
     export const price: Msat = 5;`,
  );
  await writeFile(
    join(project, 'contract.ts'),
    `import { after, before, describe, test } from 'node:test';
     import { type ContractNetwork, describeContract, everywhere, customTarget } from 'lightning-tickerplant/contract';
     declare const mine: () => Promise<ContractNetwork>;
     const beforeAll = (body: () => Promise<void>, timeout: number) => before(body, { timeout });
     const afterAll = (body: () => Promise<void>, timeout: number) => after(body, { timeout });
     describeContract({ describe, test, beforeAll, afterAll }, 'lightning-backend', 'mine', mine);
     const target = await customTarget('nodes.yaml');
     // @ts-expect-error: there is no such suite
     describeContract({ describe, test, beforeAll, afterAll }, 'lightning', 'theirs', () => target.open({ roles: everywhere('lnd'), progress: console.log }));`,
  );
  const compilerOptions = {
    target: 'es2023',
    lib: ['es2024', 'esnext.disposable'],
    module: 'nodenext',
    strict: true,
    noEmit: true,
    types: ['node'],
    typeRoots: [join(ROOT, 'node_modules/@types')],
  };
  await writeFile(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['consumer.ts', 'contract.ts'] }));
  const { stdout } = await run(process.execPath, [join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', project]).catch(
    (error: { stdout: string }) => error,
  );
  expect(stdout).toBe('');
}, 30_000);
