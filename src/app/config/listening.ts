import { isIPv4 } from 'node:net';
import type { Finding } from './issues.ts';
import type { Sections } from './schema.ts';

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

/** A certificate that nobody has signed is for this machine, unless forced: buyers would learn to look away. */
export function checkCertificates(transports: Sections['transports']): readonly Finding[] {
  return Object.entries(transports).flatMap(([name, transport]) => {
    if (transport === undefined || 'broker' in transport) return [];
    if (transport.tls?.generate !== true || transport.tls.forcePublic) return [];
    // Metrics on a port of their own show the transport's certificate beyond this machine.
    const metrics = 'metrics' in transport && transport.metrics?.port !== undefined ? transport.metrics.host : '127.0.0.1';
    if (isLoopback(transport.host) && isLoopback(metrics)) return [];
    const message =
      'a generated certificate is for development, on loopback (127.0.0.1): buyers can not tell who made it. Give cert and key (certbot makes them), or set forcePublic: true';
    return [{ path: ['transports', name, 'tls'], message, wrongType: false }];
  });
}

/** Whatever may be published must be there. */
export function checkTokenTables({ access, tables }: Pick<Sections, 'access' | 'tables'>): readonly Finding[] {
  return access.tokens.flatMap(({ tables: named = [] }, index) =>
    named
      .filter((table) => !tables.some(({ name }) => name === table))
      .map((table) => ({ path: ['access', 'tokens', index, 'tables'], message: `there is no table ${table}`, wrongType: false })),
  );
}

/** A door that is for devices alone needs devices. */
export function checkDeviceDoors({ transports, devices }: Pick<Sections, 'transports' | 'devices'>): readonly Finding[] {
  if (transports.mqtt === undefined || devices !== undefined) return [];
  const message = 'is for devices; say what they sell: devices: { items: { water: { msat: 5000 } } }';
  return [{ path: ['transports', 'mqtt'], message, wrongType: false }];
}
