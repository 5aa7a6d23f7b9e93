import { spawn } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

/** A shell command that ended with a status other than 0. The command itself is not told: it may hold a password. */
export class ShellCommandError extends Error {
  override readonly name = 'ShellCommandError';
  readonly status: number | undefined;

  constructor(what: string, status: number | undefined, output: string) {
    super(
      `the command that ${what} ${status === undefined ? 'was not done in time' : `ended with ${status}`}${output === '' ? '' : `: ${output}`}`,
    );
    this.status = status;
  }
}

const DEADLINE_MS = 120_000;
const TOLD = 1_000;

/** The environment before anybody changed it: what a command starts may live longer than we. */
const ENVIRONMENT: Readonly<Record<string, string | undefined>> = { ...process.env };

/**
 * Runs a shell command to its end and answers what it printed. Its output goes through files, so that a command may leave a
 * program running behind it. @throws ShellCommandError.
 */
export async function runShell(
  what: string,
  command: string,
  options: { readonly cwd: string; readonly variables?: Readonly<Record<string, string>> },
): Promise<string> {
  const folder = mkdtempSync(path.join(tmpdir(), 'ltp-command-'));
  const files = { out: path.join(folder, 'out'), err: path.join(folder, 'err') };
  try {
    const [out, err] = [openSync(files.out, 'w'), openSync(files.err, 'w')];
    const child = spawn('sh', ['-c', command], {
      cwd: options.cwd,
      env: { ...ENVIRONMENT, ...options.variables },
      stdio: ['ignore', out, err],
    });
    closeSync(out);
    closeSync(err);
    const status = await new Promise<number | undefined>((resolve, reject) => {
      const timer = setTimeout(() => {
        child.kill('SIGKILL');
        resolve(undefined);
      }, DEADLINE_MS);
      child.once('error', reject);
      child.once('exit', (code, signal) => {
        clearTimeout(timer);
        resolve(code ?? (signal === null ? undefined : 128));
      });
    });
    if (status !== 0) throw new ShellCommandError(what, status, readFileSync(files.err, 'utf8').trim().slice(-TOLD));
    return readFileSync(files.out, 'utf8');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
