import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { nodesFile } from './support/nodes-file.ts';

const MAIN = path.join(import.meta.dirname, '../../contract/main.ts');

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

function started(args: readonly string[], environment: Readonly<Record<string, string>> = {}) {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', MAIN, ...args], {
    env: { ...process.env, ...environment },
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  return { child, ended: ending(child) };
}

async function ending(child: ChildProcessWithoutNullStreams): Promise<Ended> {
  let [out, err] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    out += chunk;
  });
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    err += chunk;
  });
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, out, err };
}

const contract = (...args: readonly string[]): Promise<Ended> => started(args).ended;
const lastLine = (text: string): string | undefined => text.trimEnd().split('\n').at(-1);

test('tells each case as it ends, then the table, and the counts in the last line', async () => {
  const { code, out, err } = await contract('--network', 'simulated', '--only', 'an amount of');
  expect(err).toBe('');
  expect(code).toBe(0);
  expect(out).toMatch(/^simulated {2}passed {2}invoices: an amount of one msat {2}\d+ ms$/m);
  expect(out).toMatch(/^ {2}payments: an amount of one msat +passed$/m);
  expect(lastLine(out)).toBe('3 passed, 0 failed');
}, 60_000);

test('as JSON the results are the whole of standard output', async () => {
  const { code, out, err } = await contract('--network', 'simulated', '--only', 'description', '--json');
  const result = JSON.parse(out) as { readonly passed: number; readonly notApplicable: number };
  expect(result).toMatchObject({ network: 'simulated', passed: 3, failed: 0, notApplicable: 1 });
  expect(lastLine(err)).toBe('3 passed, 0 failed');
  expect(code).toBe(0);
}, 60_000);

test("nodes of all three kinds are looked up, stopped and started, and blocks are mined, through a Polar home's files alone", async () => {
  const kinds = ['--payer', 'lnd', '--middle', 'eclair', '--payee', 'cln'];
  const { code, out } = await contract('--network', 'polar', '--around', 'emulated', ...kinds, '--only', 'is back');
  expect(out).toMatch(/^lnd → eclair → cln {2}passed {2}errors: a node that is away/m);
  expect(lastLine(out)).toBe('2 passed, 0 failed');
  expect(code).toBe(0);
}, 120_000);

test('a backend that was asked for and is missing fails and is named', async () => {
  const nowhere = { PATH: path.dirname(process.execPath) };
  const { code, out } = await started(['--network', 'native', '--backend', 'cln', '--only', 'wallet:'], nowhere).ended;
  expect(code).toBe(1);
  expect(out).toContain('native has no cln: not installed: its program is not on the PATH');
  expect(lastLine(out)).toBe('0 passed, 4 failed');
  const other = await contract('--network', 'simulated', '--backend', 'lnd', '--only', 'wallet:');
  expect(other.code).toBe(1);
  expect(other.out).toContain('simulated has no lnd: it has simulated');
}, 60_000);

test('a text that is in no title is no run without failures', async () => {
  const { code, out } = await contract('--network', 'simulated', '--only', 'nothing like it');
  expect(code).toBe(1);
  expect(lastLine(out)).toBe('0 passed, 1 failed');
}, 30_000);

test('a case that fails is told with its reason, and the exit code says so', async () => {
  await using nodes = await nodesFile((content) => {
    const { simulated } = content.backends;
    return { ...content, backends: { simulated: { ...simulated, payee: { ...simulated.payee, stop: 'echo no way >&2; exit 4' } } } };
  });
  const { code, out } = await contract('--network', nodes.file, '--only', 'a node that is away');
  expect(out).toContain('the command that stops the payee ended with 4: no way');
  expect(lastLine(out)).toBe('0 passed, 1 failed');
  expect(code).toBe(1);
}, 90_000);

test('a command line or a file that can not be meant says so and runs nothing', async () => {
  expect(await contract()).toMatchObject({ code: 2, out: '', err: expect.stringContaining('say where: --network') });
  expect(await contract('--network', 'moon')).toMatchObject({ code: 2, err: expect.stringContaining('there is no network moon') });
  expect(await contract('--network', '/nowhere.yaml')).toMatchObject({ code: 2, err: expect.stringContaining('there is no such file') });
  expect(await contract('--network', 'native', '--payee', 'lnd')).toMatchObject({ code: 2, err: expect.stringContaining('--payer') });
  const help = await contract('--help');
  expect(help).toMatchObject({ code: 0, err: '' });
  for (const word of ['simulated', 'emulated', 'native', '--backend', '--json', 'docs/contract.md']) expect(help.out).toContain(word);
}, 60_000);

test('interrupted, it closes its network, leaves no files and ends with 130', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'tp-cli-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const { child, ended } = started(['--network', 'simulated'], { TMPDIR: folder });
  await new Promise<void>((resolve) => {
    child.stdout.on('data', (chunk: string) => {
      if (chunk.includes('passed')) resolve();
    });
  });
  expect(await readdir(folder)).toHaveLength(1);
  child.kill('SIGINT');
  const { code, out, err } = await ended;
  expect(code).toBe(130);
  expect(err).toContain('interrupted: closing the network');
  expect(out).not.toMatch(/passed, \d+ failed/);
  expect(await readdir(folder)).toEqual([]);
}, 60_000);
