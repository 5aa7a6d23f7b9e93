/** The part of the `clightning-client` package that we use; it ships without types. */
declare module 'clightning-client' {
  import type { EventEmitter } from 'node:events';
  import type { Socket } from 'node:net';
  import type { Interface } from 'node:readline';

  export class LightningClient extends EventEmitter {
    constructor(rpcPath: string);
    readonly client: Socket;
    readonly rl: Interface;
    reconnect(): void;
    call(method: string, params?: unknown): Promise<unknown>;
  }
}
