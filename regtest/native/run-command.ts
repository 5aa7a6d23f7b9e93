import { spawn } from 'node:child_process';
import type { Progress } from '../network.ts';

/** How to run a command to its end. */
export interface RunCommand {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Told every line that it prints. */
  readonly progress?: Progress;
}

const KEPT_LINES = 20;

/** Runs a command to its end and answers what it printed. @throws Error with its last lines when it fails or can't be started. */
export async function runCommand(command: string, args: readonly string[], options: RunCommand = {}): Promise<string> {
  const child = spawn(command, args, {
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    env: { ...process.env, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output: string[] = [];
  const keep = (chunk: string): void => {
    output.push(chunk);
    for (const line of chunk.split('\n')) if (line.trim() !== '') options.progress?.(line.trimEnd());
  };
  child.stdout.setEncoding('utf8').on('data', keep);
  child.stderr.setEncoding('utf8').on('data', keep);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  const text = output.join('');
  if (code === 0) return text;
  const tail = text.trimEnd().split('\n').slice(-KEPT_LINES).join('\n');
  throw new Error(`${command} ${args.slice(0, 2).join(' ')} ended with ${code}:\n${tail}`);
}
