import { waitUntil } from '../../../regtest/wait-until.ts';
import type { FaultOrder } from '../../../src/adapters/simulated/gateway/faults.ts';
import { connectSimnet, SimnetConnection, SocketNode } from '../../../src/adapters/simulated/socket/client.ts';
import { patient } from '../patience.ts';
import type { ListedPayment } from './network.ts';

const PAGE = 1_000;
const READY_MS = 60_000;

/** A simulated network's socket, as the runner uses it: as the keeper of the network, and to look into the payers' own records. */
export class SimnetAccess implements AsyncDisposable {
  readonly #path: string;
  #control: ReturnType<typeof connectSimnet>;

  constructor(path: string) {
    this.#path = path;
    this.#control = connectSimnet(path);
  }

  /** False where nobody serves the socket just now: the fault is dropped. */
  async fault(order: FaultOrder): Promise<boolean> {
    return await this.#control.call('faults', order).then(
      () => true,
      () => false,
    );
  }

  async ready(): Promise<void> {
    const answers = () =>
      this.#control.call('height', {}).then(
        () => true,
        () => false,
      );
    await waitUntil('the network answers', answers, patient(READY_MS));
  }

  async payments(nodes: readonly string[]): Promise<readonly ListedPayment[]> {
    const connection = new SimnetConnection(this.#path);
    try {
      const listed: ListedPayment[] = [];
      for (const name of nodes) {
        const node = new SocketNode(connection, name);
        let after: string | undefined;
        do {
          const page = await node.call('listPayments', { limit: PAGE, ...(after === undefined ? {} : { after }) });
          for (const { outcome } of page.items) {
            listed.push({ paymentHash: outcome.paymentHash, settled: outcome.status === 'settled' });
          }
          after = page.next;
        } while (after !== undefined);
      }
      return listed;
    } finally {
      await connection[Symbol.asyncDispose]();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#control[Symbol.asyncDispose]();
  }
}
