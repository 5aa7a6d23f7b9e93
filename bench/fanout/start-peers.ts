import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { freePort } from '../../regtest/native/free-ports.ts';
import { ManagedProcess } from '../../regtest/native/managed-process.ts';
import { nativeProgram } from '../native/compile.ts';
import { ensureDebianPeer, ensureSocketIo, type PeerProgram } from '../peers/install.ts';
import { Child } from '../shared/child.ts';
import { clientFrame, type SinkConnection, type Stage, upgradeStage } from '../shared/job.ts';
import { ROW_TEXT, SYMBOLS } from '../shared/rows.ts';
import { Sink } from '../shared/sink.ts';
import type { Scene, Start } from './contender.ts';
import { symbolsOf } from './interest.ts';

interface NodeServer {
  readonly port: number;
  readonly control: number;
}

const LISTENING_MS = 10_000;
/** Long enough that no server asks in the meantime whether somebody is there. */
const SILENCE = '1h';

/** `ws` as people begin with it. */
export const startWs: Start<'ws'> = async (scene, onEnd) => {
  const server = new Child(new URL('./ws-server.ts', import.meta.url));
  onEnd(() => server[Symbol.asyncDispose]());
  const { port, control } = await server.ask<NodeServer>({});
  const stages = (takes: readonly number[]): Stage[] => [
    upgradeStage(port),
    { send: clientFrame(JSON.stringify(scene.match === 1 ? '*' : symbolsOf(takes))), wait: 'ready' },
  ];
  return { ws: await sinkOf('ws', scene, onEnd, { port, controlPort: control, framing: 'websocket', stages }) };
};

/** socket.io over WebSocket. */
export const startSocketIo: Start<'socketio'> = async (scene, onEnd) => {
  const { path } = await ensureSocketIo(scene.note);
  const server = new Child(new URL('./socketio-server.ts', import.meta.url));
  onEnd(() => server[Symbol.asyncDispose]());
  const { port, control } = await server.ask<NodeServer>({ path, rooms: scene.match !== 1 });
  const stages = (takes: readonly number[]): Stage[] => [
    upgradeStage(port, '/socket.io/?EIO=4&transport=websocket'),
    { send: clientFrame('40'), wait: '40{' },
    { send: clientFrame(`42${JSON.stringify(['take', scene.match === 1 ? '*' : symbolsOf(takes)])}`), wait: '["ready"]' },
  ];
  return { socketio: await sinkOf('socketio', scene, onEnd, { port, controlPort: control, framing: 'websocket', stages }) };
};

/** nats-server: a subject for each symbol, or one for all where everybody takes everything. */
export const startNats: Start<'nats'> = async (scene, onEnd) => {
  const program = await ensureDebianPeer('nats', scene.note);
  const port = await freePort();
  const config = join(scene.dir, 'nats.conf');
  const limits = `ping_interval: "${SILENCE}"\nmax_pending: 1GB\nwrite_deadline: "60s"`;
  writeFileSync(config, `listen: "127.0.0.1:${port}"\n${limits}\n`);
  await startServer('nats-server', program, ['-c', config], port, scene, onEnd);
  const controlPort = await startPublisher('nats', port, scene, onEnd);
  const hello = 'CONNECT {"verbose":false,"pedantic":false}\r\n';
  const stages = (takes: readonly number[]): Stage[] => {
    const subjects = scene.match === 1 ? ['t'] : symbolsOf(takes).map((sym) => `t.${sym}`);
    return [{ send: `${hello}${subjects.map((subject, sid) => `SUB ${subject} ${sid + 1}\r\n`).join('')}PING\r\n`, wait: 'PONG\r\n' }];
  };
  return { nats: await sinkOf('nats', scene, onEnd, { port, controlPort, framing: 'plain', stages }) };
};

/** Redis pub/sub: a channel for each symbol, or one for all. */
export const startRedis: Start<'redis'> = async (scene, onEnd) => {
  const program = await ensureDebianPeer('redis', scene.note);
  const port = await freePort();
  const args = ['--port', `${port}`, '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', scene.dir];
  const limits = ['--client-output-buffer-limit', 'pubsub 0 0 0', '--maxclients', '20000', '--tcp-keepalive', '0'];
  await startServer('redis-server', program, [...args, ...limits], port, scene, onEnd);
  const controlPort = await startPublisher('redis', port, scene, onEnd);
  const stages = (takes: readonly number[]): Stage[] => {
    const channels = scene.match === 1 ? ['t'] : symbolsOf(takes).map((sym) => `t.${sym}`);
    return [{ send: `SUBSCRIBE ${channels.join(' ')}\r\n`, wait: `:${channels.length}\r\n` }];
  };
  return { redis: await sinkOf('redis', scene, onEnd, { port, controlPort, framing: 'plain', stages }) };
};

/** One send() a turn and subscriber, from C. */
export const startFloor: Start<'floor'> = async (scene, onEnd) => {
  const [port = 0, controlPort = 0] = await startNative(await nativeProgram('floor'), [String(SYMBOLS.length), ROW_TEXT], onEnd);
  const stages = (takes: readonly number[]): Stage[] => {
    const flags = new Array<string>(SYMBOLS.length).fill('0');
    for (const index of takes) flags[index] = '1';
    return [{ send: flags.join(''), wait: 'K' }];
  };
  return { floor: await sinkOf('floor', scene, onEnd, { port, controlPort, framing: 'plain', stages }) };
};

type OnEnd = Parameters<Start<'ws'>>[1];

async function sinkOf(
  name: string,
  { takes, dir }: Scene,
  onEnd: OnEnd,
  to: {
    readonly port: number;
    readonly controlPort: number;
    readonly framing: 'plain' | 'websocket';
    readonly stages: (takes: readonly number[]) => Stage[];
  },
): Promise<Sink> {
  const connections: SinkConnection[] = takes.map((each) => ({ takes: each, stages: to.stages(each) }));
  const sink = await Sink.connect({ name, dir, connections, framing: to.framing, port: to.port, controlPort: to.controlPort });
  onEnd(() => sink[Symbol.asyncDispose]());
  return sink;
}

async function startServer(
  name: string,
  { command, env }: PeerProgram,
  args: readonly string[],
  port: number,
  { dir }: Scene,
  onEnd: OnEnd,
) {
  const server = new ManagedProcess({ name, command, args, env, logFile: join(dir, `${name}.log`) });
  onEnd(() => server.stop('SIGKILL'));
  await server.until('listening', () => answers(port), LISTENING_MS);
}

async function startPublisher(kind: 'nats' | 'redis', port: number, { match }: Scene, onEnd: OnEnd): Promise<number> {
  const args = [kind, String(port), String(SYMBOLS.length), match === 1 ? 'one' : 'each', ROW_TEXT];
  const [control = 0] = await startNative(await nativeProgram('publisher'), args, onEnd);
  return control;
}

/** Starts a program of ours that says its ports in its first line. */
async function startNative(command: string, args: readonly string[], onEnd: OnEnd): Promise<number[]> {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  onEnd(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  for await (const line of createInterface({ input: child.stdout })) return line.split(' ').map(Number);
  throw new Error(`${command} ended before it began`);
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
