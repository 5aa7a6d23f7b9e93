import type { FastifyPluginCallback } from 'fastify';
import type { StoreHandler } from './handler.ts';

/** The store as a Fastify plugin; where it stands is the `prefix` that it is registered with. */
export function storePlugin(handler: StoreHandler): FastifyPluginCallback {
  return (fastify, _options, done) => {
    // An order has nothing in its body; whatever is there is not read.
    fastify.removeAllContentTypeParsers();
    fastify.addContentTypeParser('*', (_request, payload, parsed) => {
      payload.resume();
      parsed(null);
    });
    for (const url of ['/', '/*']) {
      fastify.route({
        method: [...fastify.supportedMethods],
        url,
        // A link is a secret, and stands in the URL: Fastify's own lines would show it.
        logLevel: 'silent',
        handler: async (request, reply) => {
          const { raw } = request;
          const whole = raw.url ?? '/';
          raw.url = whole.slice(fastify.prefix.length) || '/';
          if (!raw.url.startsWith('/')) raw.url = `/${raw.url}`;
          reply.hijack();
          if (await handler(raw, reply.raw, fastify.prefix)) return;
          reply.raw.writeHead(404, { 'Content-Type': 'application/json; charset=utf-8' });
          reply.raw.end('{"code":"NOT_FOUND","message":"there is nothing here","retry":"never"}\n');
        },
      });
    }
    done();
  };
}
