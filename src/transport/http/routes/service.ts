import { z } from 'zod';
import { type Route, route } from '../route.ts';
import { healthSchema } from '../schemas.ts';
import type { Services } from '../services.ts';

const readySchema = z.looseObject({ status: z.string(), node: z.boolean(), ledger: z.boolean(), journal: z.boolean() });

/** For whoever watches over the server. They say yes and no, and nothing that is not for buyers. */
export function serviceRoutes({ operations }: Services, isStopping: () => boolean): readonly Route[] {
  return [
    route({
      method: 'GET',
      path: '/healthz',
      id: 'health',
      summary: 'Whether the process answers',
      tag: 'service',
      access: 'free',
      answers: { 200: { description: 'It does.', schema: healthSchema } },
      handle: async () => ({ status: 200, headers: { 'Cache-Control': 'no-store' }, body: { status: 'ok' } }),
    }),
    route({
      method: 'GET',
      path: '/readyz',
      id: 'readiness',
      summary: 'Whether it can sell: node, ledger and journal are there',
      tag: 'service',
      access: 'free',
      answers: {
        200: { description: 'All of it is.', schema: readySchema },
        503: { description: 'Some of it is not, or the server is going down.', schema: readySchema },
      },
      async handle() {
        const parts = await operations.readiness();
        const status = isStopping() ? 'stopping' : Object.values(parts).every(Boolean) ? 'ok' : 'unavailable';
        return { status: status === 'ok' ? 200 : 503, headers: { 'Cache-Control': 'no-store' }, body: { status, ...parts } };
      },
    }),
  ];
}
