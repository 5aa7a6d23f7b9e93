import type { LightningBackend } from '../../../src/core/lightning/backend.ts';
import type { CreateInvoice, Invoice } from '../../../src/core/lightning/invoice.ts';

/**
 * A seller's node whose invoices can be paid in ways that a node of good manners refuses. `open`: of any amount, so that more can be
 * paid than the price · `lasting`: they outlive their quote and can't be cancelled, so that they are paid too late.
 */
export function oddInvoices(odd: 'open' | 'lasting'): (backend: LightningBackend) => LightningBackend {
  return (backend) => {
    const create = async (request: CreateInvoice, options?: Parameters<LightningBackend['invoices']['create']>[1]): Promise<Invoice> => {
      if (odd === 'lasting') return await backend.invoices.create({ ...request, expirySeconds: 3600 }, options);
      const invoice = await backend.invoices.create({ ...request, amountMsat: 'any' }, options);
      return { ...invoice, amountMsat: request.amountMsat === 'any' ? undefined : request.amountMsat };
    };
    const change = odd === 'lasting' ? { create, cancel: async () => undefined } : { create };
    return over(backend, { invoices: over(backend.invoices, change) });
  };
}

/** An object with some of it changed; the rest is the original's own. */
function over<T extends object>(original: T, change: Readonly<Record<string, unknown>>): T {
  return new Proxy(original, {
    get(target, name) {
      if (typeof name === 'string' && Object.hasOwn(change, name)) return change[name];
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}
