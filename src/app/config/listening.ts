import { isIPv4 } from 'node:net';
import type { Finding } from './issues.ts';

/** Whether an address to listen on can be reached from this machine only. */
export function isLoopback(host: string): boolean {
  const bare = host.replace(/^\[|\]$/g, '').toLowerCase();
  return bare === 'localhost' || bare === '::1' || bare.startsWith('::ffff:127.') || (isIPv4(bare) && bare.startsWith('127.'));
}

/** Play money is taken on this machine only, unless forced: nobody's data goes for it by mistake. */
export function checkListening(kind: string, host: string | undefined, forced: boolean, transport = 'websocket'): readonly Finding[] {
  if (kind !== 'simulated' || forced || host === undefined || isLoopback(host)) return [];
  return [
    {
      path: ['transports', transport, 'host'],
      message: `backend.kind is simulated, so buyers pay with play money: it listens on loopback only (127.0.0.1). To serve your data for nothing, set backend.forcePublic: true`,
      wrongType: false,
    },
  ];
}
