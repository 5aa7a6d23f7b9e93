import type { Clock } from '../core/ports/clock.ts';
import type { Logger } from '../core/ports/logger.ts';
import type { Random } from '../core/ports/random.ts';
import type { ListenerConfig } from './config.ts';
import { ListenerError } from './errors.ts';
import { InvoiceFollowing } from './follow-invoices.ts';
import { type ListenerBackend, SettlementFollowing } from './follow-settlements.ts';
import type { Outbox } from './outbox/outbox.ts';
import { ListenerServer } from './server/listener-server.ts';
import { type ListenerStatus, statusOf } from './status.ts';
import { readLongSecret, readToken, Tokens } from './tokens.ts';
import { Webhook } from './webhooks/webhook.ts';

/** What a listener is made of. It owns none of it: whoever opened backend and outbox closes them, after {@link Listener.stop}. */
export interface ListenerOptions {
  readonly config: ListenerConfig;
  readonly backend: ListenerBackend;
  readonly outbox: Outbox;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

/** A listener that runs. */
export interface Listener {
  /** Where servers follow it. */
  readonly url: string;
  /** Rejects where it can't go on: its node is another one than its outbox's. Otherwise never settles before {@link stop}. */
  readonly failed: Promise<never>;
  status(): ListenerStatus;
  stop(): Promise<void>;
}

const PRUNE_MS = 5_000;

/**
 * Follows a node into an outbox and hands what happens to servers and webhooks. A node that is away is no error.
 * @throws ListenerError `SECRET`, ListenError, with nothing left open.
 */
export async function startListener(options: ListenerOptions): Promise<Listener> {
  const { config, backend, outbox, clock, logger } = options;
  const stopping = new AbortController();
  const { signal } = stopping;
  const { added, removed } = outbox.consumers.name([
    ...config.servers.map(({ name }) => ({ name, kind: 'server' as const })),
    ...config.webhooks.map(({ name }) => ({ name, kind: 'webhook' as const })),
  ]);
  for (const { name, kind } of added) logger.info({ name, kind }, 'new here: what happens from now on is kept for it');
  for (const { name, kind } of removed) logger.warn({ name, kind }, 'not in the config any more: nothing is kept for it');
  const tokens = await serverTokens(config);
  const settlements = new SettlementFollowing({ backend, outbox, clock, logger: logger.child({ part: 'node' }) });
  const webhooks = await openWebhooks(options);
  const server: ListenerServer = new ListenerServer({
    config: config.listen,
    outbox,
    tokens,
    statusTokens: await statusTokens(config),
    status: () => status(),
    node: () => ({ isCaughtUp: settlements.isCaughtUp, reason: reasonOf(settlements) }),
    clock,
    logger: logger.child({ part: 'servers' }),
  });
  const status = (): ListenerStatus => statusOf({ outbox, settlements, server, webhooks });
  const url = await server.start();
  const changes = settlements.onChange(() => server.changed());
  const invoices = new InvoiceFollowing({
    backend,
    outbox,
    clock,
    logger: logger.child({ part: 'node' }),
    everyMs: config.invoices.everySeconds * 1000,
  });
  const following = settlements.run(signal);
  const running = [
    config.invoices.follow ? invoices.run(signal) : Promise.resolve(),
    ...[...webhooks.values()].map((webhook) => webhook.run(signal)),
    keepSmall(options, signal),
  ];
  const failed = new Promise<never>((_, reject) => {
    following.catch(reject);
  });
  failed.catch(() => undefined);
  return {
    url,
    failed,
    status,
    async stop() {
      stopping.abort();
      changes[Symbol.dispose]();
      await server[Symbol.asyncDispose]();
      await Promise.allSettled([following, ...running]);
    },
  };
}

/** Reads every token and secret of a config. @throws ListenerError `SECRET`. */
export async function checkSecrets(config: ListenerConfig): Promise<void> {
  await serverTokens(config);
  await statusTokens(config);
  for (const { name, secret } of config.webhooks) await readLongSecret(secret, `webhooks.${name}.secret`);
}

async function serverTokens({ servers }: ListenerConfig): Promise<Tokens> {
  const read = servers.map(async ({ name, token }) => ({ name, token: await readToken(token, `servers.${name}.token`) }));
  const tokens = await Promise.all(read);
  const same = tokens.find(({ token }, index) => tokens.findIndex((other) => other.token === token) < index);
  if (same !== undefined) throw new ListenerError('SECRET', `servers.${same.name}.token: another server has the same; each needs its own`);
  return new Tokens(tokens);
}

async function statusTokens({ listen }: ListenerConfig): Promise<Tokens | undefined> {
  if (listen.statusToken === undefined) return undefined;
  return new Tokens([{ name: 'status', token: await readToken(listen.statusToken, 'listen.statusToken') }]);
}

async function openWebhooks({ config, outbox, clock, random, logger }: ListenerOptions): Promise<ReadonlyMap<string, Webhook>> {
  const webhooks = new Map<string, Webhook>();
  for (const webhook of config.webhooks) {
    // Whether it can be read is known now, and not when the first event comes.
    await readLongSecret(webhook.secret, `webhooks.${webhook.name}.secret`);
    webhooks.set(
      webhook.name,
      new Webhook(webhook, { outbox, clock, random, logger: logger.child({ part: 'webhook', webhook: webhook.name }) }),
    );
  }
  return webhooks;
}

/** Removes what everybody has, and says so in time where somebody keeps it from getting smaller. */
async function keepSmall({ config, outbox, clock, logger }: ListenerOptions, signal: AbortSignal): Promise<void> {
  const { maxEvents } = config.outbox;
  let warned = false;
  while (!signal.aborted) {
    try {
      const lost = outbox.prune(maxEvents);
      const slow = outbox.consumers.all().filter(({ position }) => outbox.head.offset - position.offset > maxEvents / 2);
      const names = slow.map(({ name, kind }) => `${kind} ${name}`);
      if (lost !== undefined)
        logger.error({ until: lost, maxEvents, names }, 'the outbox ran over: events are gone that somebody has not acknowledged');
      else if (names.length > 0 && !warned)
        logger.warn(
          { size: outbox.size, maxEvents, names },
          'the outbox is half full: somebody does not acknowledge (is it still there? else take it out of the config)',
        );
      warned = names.length > 0;
    } catch (error) {
      logger.warn({ err: error }, 'the outbox could not be made smaller; trying again');
    }
    await clock.sleep(PRUNE_MS, signal).catch(() => undefined);
  }
}

function reasonOf({ status }: SettlementFollowing): string {
  return status.state === 'lost' ? status.error.message : status.state === 'connecting' ? 'connecting' : 'catching up';
}
