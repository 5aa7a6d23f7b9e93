import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { runSuite, SUITES } from '../../contract/run.ts';
import { customTarget } from '../../contract/targets/custom.ts';
import { everywhere } from '../../contract/targets/target.ts';
import { type Content, type NodesFile, nodesFile } from './support/nodes-file.ts';

/** What needs the chain, the commands and each of the nodes. */
const CASES = ['payments: a fee cap', "whitepaper's walk", 'a node that is away'];

async function nodes(change?: (content: Content) => unknown): Promise<NodesFile> {
  const made = await nodesFile(change);
  onTestFinished(() => made[Symbol.asyncDispose]());
  return made;
}

async function problems(change: (content: Content) => unknown): Promise<string> {
  const { file } = await nodes(change);
  const error: unknown = await customTarget(file).catch((reason: unknown) => reason);
  expect(error).toMatchObject({ name: 'ConfigError' });
  return (error as Error).message;
}

test('nodes that run already are funded, connected and tried by the commands of their file, and left as they were', async () => {
  const { file, control } = await nodes();
  const target = await customTarget(file);
  expect(target.kinds).toEqual(['simulated']);
  expect(target.timeFactor).toBe(2);
  const lines: string[] = [];
  const network = await target.open({ roles: everywhere('simulated'), progress: (line) => lines.push(line) });
  expect(network.backlogSize).toBe(20);
  expect(lines).toContain('opening a channel payer – middle');
  const wanted = SUITES['lightning-backend'].filter(({ title }) => CASES.some((part) => title.includes(part)));
  expect(wanted).toHaveLength(CASES.length);
  const results = await runSuite('lightning-backend', network, { only: (title) => wanted.some((each) => each.title === title) });
  expect(results.map((each) => (each.result === 'failed' ? each.error : each.result))).toEqual(CASES.map(() => 'passed'));
  await network[Symbol.asyncDispose]();
  const nodesNow = await control.call('nodes', {});
  expect(nodesNow.every(({ online }) => online)).toBe(true);
  const again = await target.open({ roles: everywhere('simulated'), progress: (line) => lines.push(line) });
  expect(await again.payer.backend.channels.list({ state: 'active' })).toHaveLength(1);
  await again[Symbol.asyncDispose]();
}, 120_000);

test('a file that can not be meant is told with line, path and what to do', async () => {
  expect(await problems(({ bitcoin: { mine: _, ...bitcoin }, ...rest }) => ({ ...rest, bitcoin }))).toMatch(
    /nodes\.yaml:\d+:1: bitcoin\.mine: is missing/,
  );
  expect(await problems((content) => ({ ...content, bicoin: {} }))).toMatch(/bicoin: unknown key/);
  expect(await problems((content) => ({ ...content, backends: {} }))).toContain('name at least one backend');
  const without = ({
    backends: {
      simulated: { middle: _, ...roles },
    },
    ...rest
  }: Content) => ({ ...rest, backends: { simulated: roles } });
  expect(await problems(without)).toContain('backends.simulated.middle: is missing');
  const payer = (changed: object) => (content: Content) => {
    const { simulated } = content.backends;
    return { ...content, backends: { simulated: { ...simulated, payer: { ...simulated.payer, ...changed } } } };
  };
  expect(await problems(payer({ address: '127.0.0.1' }))).toContain(
    'backends.simulated.payer.address: must be where the other nodes reach it: host:port',
  );
  expect(await problems(payer({ address: '127.0.0.1:70000' }))).toContain('a port is a number from 1 to 65535');
  expect(await problems(payer({ stop: '' }))).toContain('backends.simulated.payer.stop: must be a shell command');
  expect(await problems(payer({ backend: { kind: 'lnd', lndDir: './lnd' } }))).toContain('this is lnd; it stands under simulated');
  expect(await problems(payer({ backend: { kind: 'eclare' } }))).toContain('there is no such backend');
  expect(await problems(payer({ backend: { kind: 'simulated', nod: 'x' } }))).toContain(
    'backends.simulated.payer.backend.nod: unknown key',
  );
  await expect(customTarget('/nowhere/nodes.yaml')).rejects.toThrow('there is no such file');
}, 60_000);

test('a command that fails is named by what it was for, without the command itself', async () => {
  const { file } = await nodes((content) => ({
    ...content,
    bitcoin: { ...content.bitcoin, sendToAddress: 'SECRET=hush; echo no coins >&2; exit 3' },
  }));
  const opening = (await customTarget(file)).open({ roles: everywhere('simulated'), progress: () => undefined });
  const error = (await opening.catch((reason: unknown) => reason)) as Error;
  expect(error.message).toBe('the command that sends coins ended with 3: no coins');
  const silent = await nodes((content) => ({ ...content, bitcoin: { ...content.bitcoin, sendToAddress: 'echo done' } }));
  const target = await customTarget(silent.file);
  await expect(target.open({ roles: everywhere('simulated'), progress: () => undefined })).rejects.toThrow('printed no transaction id');
}, 60_000);

test('paths of the file begin where it stands, and commands run there', async () => {
  const { file, folder } = await nodes((content) => ({ ...content, bitcoin: { ...content.bitcoin, mine: './mine.sh $BLOCKS' } }));
  await writeFile(path.join(folder, 'mine.sh'), 'exit 7\n', { mode: 0o755 });
  const target = await customTarget(path.relative(process.cwd(), file));
  await expect(target.open({ roles: everywhere('simulated'), progress: () => undefined })).rejects.toThrow(
    'the command that mines ended with 7',
  );
}, 60_000);

test('the file in docs/contract.md is one that can be meant', async () => {
  const page = await readFile(path.join(import.meta.dirname, '../../../docs/contract.md'), 'utf8');
  const [, example = ''] = /```yaml\n(.*?)```/s.exec(page) ?? [];
  const folder = await mkdtemp(path.join(tmpdir(), 'tp-docs-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  await writeFile(path.join(folder, 'nodes.yaml'), example);
  const target = await customTarget(path.join(folder, 'nodes.yaml'));
  expect(target.kinds).toEqual(['lnd', 'cln', 'eclair']);
});
