import type { z } from 'zod';
import type { LightningBackend } from '../../core/lightning/backend.ts';
import type { Capabilities } from '../../core/lightning/capabilities.ts';
import type { Clock } from '../../core/ports/clock.ts';
import type { Logger } from '../../core/ports/logger.ts';
import type { PaymentIntents } from '../../core/ports/payment-intents.ts';
import type { Random } from '../../core/ports/random.ts';
import type { SettlementLog } from '../../core/ports/settlement-log.ts';

/** What every adapter is handed. */
export interface AdapterDependencies {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly intents: PaymentIntents;
  readonly settlementLog: SettlementLog;
}

/** Which versions of a node the adapter's messages were made from. Others work as long as their answers fit. */
export interface KnownVersions {
  /** For people: `0.18 to 0.20`. */
  readonly text: string;
  /** Whether the version that a node tells of itself is one of them. */
  includes(version: string): boolean;
}

/** What can be told of a credential by looking at it alone. Holds no secret. */
export interface CredentialFact {
  /** `certificate`, `macaroon`. */
  readonly what: string;
  /** Where it was read: a path, a variable's name. */
  readonly place: string;
  /** Milliseconds since 1970; undefined where it does not expire. */
  readonly expiresAt: number | undefined;
}

/** One backend: what `registry.ts` lists. */
export interface AdapterDefinition<Schema extends z.ZodType = z.ZodType> {
  /** The value of `backend.kind` in a config. */
  readonly kind: string;
  /** The config of this kind, an object with `kind` as a literal. Secrets' paths are named in `secrets`. */
  readonly configSchema: Schema;
  /** Names of config fields that are masked wherever a config is shown. */
  readonly secrets: readonly string[];
  readonly capabilities: Capabilities;
  /** Left out where the adapter is its own node. */
  readonly versions?: KnownVersions;
  /** Reads the credentials without asking the node. Left out where nothing can be told of them. @throws LightningError `UNAUTHENTICATED`. */
  inspectCredentials?(config: z.output<Schema>): Promise<readonly CredentialFact[]>;
  /** Makes the backend without waiting for the node: a node that is away is no error here. */
  create(config: z.output<Schema>, dependencies: AdapterDependencies): Promise<LightningBackend>;
}
