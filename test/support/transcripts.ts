import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A command of a page's transcript, and what it prints; `…` stands for anything in a line. */
export interface TranscriptStep {
  readonly command: string;
  readonly output: string;
}

/** The transcripts of a page: its blocks of `console`, step by step. */
export async function transcriptsOf(page: URL): Promise<readonly (readonly TranscriptStep[])[]> {
  const blocks = [...(await readFile(page, 'utf8')).matchAll(/```console\n([\s\S]*?)```/g)].map((match) => match[1] ?? '');
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

/** What a step prints, as a pattern. */
export function asPattern(output: string): RegExp {
  const parts = output
    .trim()
    .split('…')
    .map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${parts.join('[^\\n]*')}$`);
}

/** A shell that runs a page's commands one after the other. */
export interface TranscriptShell extends AsyncDisposable {
  /** Runs a command in bash; answers what it prints. */
  run(command: string): Promise<string>;
}

/** How a shell stands in for what the page takes for granted. */
export interface TranscriptShellOptions {
  /** URL in the page → URL of the test's server. */
  readonly replace: Readonly<Record<string, string>>;
  /** Variables that live on from command to command. */
  readonly variables: readonly string[];
  /** In place of `tickerplant pay INVOICE --wallet FILE …`, which would need a node of its own: answers what it prints. */
  readonly pay: (invoice: string, wallet: string) => Promise<string>;
}

/** Opens one, in a folder of its own. */
export async function openTranscriptShell({ replace, variables, pay }: TranscriptShellOptions): Promise<TranscriptShell> {
  const dir = await mkdtemp(join(tmpdir(), 'tp-transcript-'));
  const wallet = createServer((request, response) => {
    const [, invoice = '', file = ''] = (request.url ?? '').split('/');
    pay(invoice, file).then(
      (text) => response.end(text),
      (error: unknown) => response.end(String(error)),
    );
  });
  wallet.listen(0, '127.0.0.1');
  await once(wallet, 'listening');
  const { port } = wallet.address() as AddressInfo;
  await writeFile(join(dir, 'tickerplant'), `#!/bin/sh\nexec curl -s "http://127.0.0.1:${port}/$2/$4"\n`);
  await chmod(join(dir, 'tickerplant'), 0o755);
  await writeFile(join(dir, 'variables'), '');
  const env = { ...process.env, PATH: `${dir}:${process.env['PATH']}` };
  return {
    async run(command) {
      let here = command;
      for (const [there, url] of Object.entries(replace)) here = here.replaceAll(there, url);
      const script = `source ./variables\n${here}\nfor name in ${variables.join(' ')}; do echo "$name='\${!name}'"; done > variables`;
      return await new Promise((resolve) =>
        execFile('bash', ['-c', script], { cwd: dir, env }, (_, stdout) => resolve(stdout.replaceAll('\r', ''))),
      );
    },
    async [Symbol.asyncDispose]() {
      wallet.close();
      wallet.closeAllConnections();
      await rm(dir, { recursive: true, force: true });
    },
  };
}
