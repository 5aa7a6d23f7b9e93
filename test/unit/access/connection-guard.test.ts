import { EventEmitter } from 'node:events';
import type { Server } from 'node:net';
import { expect, test } from 'vitest';
import { silentLogger } from '../../../src/core/ports/logger.ts';
import { AddressList } from '../../../src/transport/shared/access/address-list.ts';
import { type GuardOptions, guardConnections } from '../../../src/transport/shared/access/connection-guard.ts';

/** What a guard sees of a socket. */
class Peer extends EventEmitter {
  readonly remoteAddress: string;
  destroyed = false;

  constructor(remoteAddress: string) {
    super();
    this.remoteAddress = remoteAddress;
  }

  destroy(): void {
    this.destroyed = true;
    this.emit('close');
  }
}

function guarded(options: Partial<GuardOptions>): (address: string) => Peer {
  const server = new EventEmitter();
  guardConnections(server as Server, { allow: undefined, connectionsPerAddress: 2, logger: silentLogger, ...options });
  return (address) => {
    const peer = new Peer(address);
    server.emit('connection', peer);
    return peer;
  };
}

test('strangers are cut off', () => {
  const connect = guarded({ allow: new AddressList(['10.0.0.0/8']) });
  expect([connect('10.1.1.1').destroyed, connect('192.0.2.1').destroyed, connect('::ffff:10.1.1.1').destroyed]).toEqual([
    false,
    true,
    false,
  ]);
});

test('one address has so many connections at a time, this machine as many as it likes', () => {
  const connect = guarded({});
  const [first] = [connect('192.0.2.1'), connect('192.0.2.1')];
  expect(connect('192.0.2.1').destroyed).toBe(true);
  expect(connect('192.0.2.2').destroyed).toBe(false);
  first?.destroy();
  expect(connect('192.0.2.1').destroyed).toBe(false);
  expect(connect('192.0.2.1').destroyed).toBe(true);
  for (let i = 0; i < 5; i++) expect(connect('127.0.0.1').destroyed).toBe(false);
});

test('of IPv6 a network counts as one address', () => {
  const connect = guarded({});
  expect(['2001:db8::1', '2001:db8::2', '2001:db8::3', '2001:db8:0:1::1'].map((address) => connect(address).destroyed)).toEqual([
    false,
    false,
    true,
    false,
  ]);
});

test('a proxy is let through, however many it stands for', () => {
  const connect = guarded({ allow: new AddressList(['10.0.0.0/8']), proxies: new AddressList(['192.0.2.9']) });
  for (let i = 0; i < 5; i++) expect(connect('192.0.2.9').destroyed).toBe(false);
  expect(connect('192.0.2.8').destroyed).toBe(true);
});
