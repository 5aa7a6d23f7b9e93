import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { runCommand } from '../native/run-command.ts';
import type { NodeKind, NodeRole, Progress } from '../network.ts';

/** What stands in the compose file for bitcoind's and eclair's logins: play money, on loopback. */
export const REGTEST_LOGIN = { user: 'regtest', password: 'regtest' } as const;

const COMPOSE_FILE = join(import.meta.dirname, 'compose.yaml');
const ACINQ_FILE = join(import.meta.dirname, 'compose.eclair-acinq.yaml');
const UNPRIVILEGED = 1000;
const MAX_OUTPUT = 64 * 1024 * 1024;

/** One run of the compose file. */
export interface ComposeOptions {
  /** Its containers are named after it. */
  readonly project: string;
  /** Where the nodes' files go. A short path: there is a unix socket in it. */
  readonly data: string;
  /** Ports on 127.0.0.1, by service. */
  readonly ports: Readonly<Record<string, number>>;
  /** An image of ACINQ's for eclair, instead of Polar's. */
  readonly eclairImage?: string | undefined;
  /** The docker command. */
  readonly docker?: string | undefined;
  readonly progress?: Progress | undefined;
}

/** The compose file's name of a node. */
export function serviceOf(kind: NodeKind, role: NodeRole): string {
  return `${kind}-${role}`;
}

/** `docker compose` for one project. */
export class Compose {
  readonly #options: ComposeOptions;

  constructor(options: ComposeOptions) {
    this.#options = options;
  }

  /** Runs a subcommand to its end. @throws Error with its last lines. */
  async run(...args: readonly string[]): Promise<void> {
    const { docker = 'docker', progress } = this.#options;
    await runCommand(docker, this.#command(args), { env: this.environment(), ...(progress === undefined ? {} : { progress }) });
  }

  /** Runs a command in a service's container and answers its standard output. @throws Error with what it wrote to the other. */
  async exec(service: string, ...command: readonly string[]): Promise<string> {
    const { docker = 'docker' } = this.#options;
    const env = { ...process.env, ...this.environment() };
    const { stdout } = await promisify(execFile)(docker, this.#command(['exec', '-T', service, ...command]), {
      env,
      maxBuffer: MAX_OUTPUT,
    });
    return stdout.trim();
  }

  /** The compose file's variables. */
  environment(): Record<string, string> {
    const { project, data, ports, eclairImage } = this.#options;
    // A container can't have a user of its own with the number of root.
    const user = (id: number | undefined): string => String(id === undefined || id === 0 ? UNPRIVILEGED : id);
    return {
      LTP_PROJECT: project,
      LTP_DATA: data,
      LTP_UID: user(process.getuid?.()),
      LTP_GID: user(process.getgid?.()),
      ...Object.fromEntries(Object.entries(ports).map(([service, port]) => [portVariable(service), String(port)])),
      ...(eclairImage === undefined ? {} : { LTP_ECLAIR_IMAGE: eclairImage }),
    };
  }

  #command(args: readonly string[]): string[] {
    const { project, eclairImage } = this.#options;
    return ['compose', '-p', project, '-f', COMPOSE_FILE, ...(eclairImage === undefined ? [] : ['-f', ACINQ_FILE]), ...args];
  }

  /** Makes sure that there is a docker with compose and an engine. @throws Error that names what is missing. */
  async require(): Promise<void> {
    const { docker = 'docker' } = this.#options;
    const missing = (what: string, error: unknown): never => {
      const why = (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'it is not installed' : (error as Error).message.split('\n').at(-1);
      throw new Error(`the docker network needs ${what}: ${why}`, { cause: error });
    };
    await runCommand(docker, ['compose', 'version']).catch((error: unknown) =>
      missing('docker with its compose plugin (version 2 or later)', error),
    );
    await runCommand(docker, ['info']).catch((error: unknown) => missing('a docker engine that this user may use', error));
  }
}

/** `LTP_LND_PAYER_PORT` of `lnd-payer`. */
export function portVariable(service: string): string {
  return `LTP_${service.toUpperCase().replaceAll('-', '_')}_PORT`;
}
