import { type ContractCase, contractCase } from '../case.ts';
import type { ContractNetwork } from '../network.ts';
import { payNow } from '../support.ts';
import { Buyer, type Message } from './buyer.ts';
import { type FlowOptions, type FlowServer, startFlowServer } from './server.ts';

/** What a case does with its server. */
export type Flow = (server: FlowServer, network: ContractNetwork) => Promise<void>;

/** A case with a server of its own, on files of its own. */
export function flowCase(title: string, run: Flow, options: FlowOptions & Parameters<typeof contractCase>[2] = {}): ContractCase {
  const { needs, timeoutMs, ...flow } = options;
  const only = { ...(needs === undefined ? {} : { needs }), ...(timeoutMs === undefined ? {} : { timeoutMs }) };
  return contractCase(
    `flow: ${title}`,
    async (network) => {
      await using server = await startFlowServer(flow.seller?.(network.payee.backend) ?? network.payee.backend, flow);
      await run(server, network);
    },
    only,
  );
}

/** A buyer who has paid for symbols of `trade`, once that has taken effect. */
export async function bought(
  server: FlowServer,
  network: ContractNetwork,
  syms: readonly string[] | '*',
  more: Readonly<Record<string, unknown>> = {},
): Promise<{ readonly buyer: Buyer; readonly quote: Message; readonly active: Message }> {
  const buyer = await Buyer.connect(server.url);
  const quote = await buyer.quote(syms, more);
  await payNow(network.payer.backend, quote['invoice'] as string);
  return { buyer, quote, active: await buyer.active(quote) };
}
