/** Lightning-tickerplant, for your own program: see docs/embedding.md. What is not exported here may change at any time. */
export type { AdapterDefinition, AdapterDependencies } from './adapters/shared/definition.ts';
export { ConfigError, type ConfigIssue } from './app/config/errors.ts';
export type { TableInput } from './app/config/tables.ts';
export { type BackendInput, type CreateTickerplantOptions, createTickerplant, type EmbeddedTickerplant } from './app/embed.ts';
export { openSimulatedNetwork, type SimulatedNetwork, type SimulatedNetworkOptions } from './app/simulated-network.ts';
export { type CreateStoreOptions, createStore, type EmbeddedStore } from './app/store/create-store.ts';
export { systemClock, systemRandom } from './app/system.ts';
export { type OpenWalletOptions, openWallet, type Wallet } from './app/wallet.ts';
export type { Account, Purchase, SubscriptionRequest } from './client/account.ts';
export { SubscriberError, type SubscriberErrorCode } from './client/errors.ts';
export {
  type DeclineReason,
  type Position,
  positionAfter,
  type RowsEvent,
  type SnapshotEvent,
  type SubscriberEvent,
} from './client/events.ts';
export type { SubscriberOptions } from './client/options.ts';
export { Positions } from './client/positions.ts';
export type { Payer } from './client/quote-check.ts';
export type { Standing } from './client/standing.ts';
export { memoryState, type SubscriberState } from './client/state.ts';
export { openStateDirectory, type StateDirectory } from './client/state-directory.ts';
export { openSubscriber, type Subscriber } from './client/subscriber.ts';
export {
  MAX_MSAT,
  MSAT_PER_SAT,
  type Msat,
  msat,
  parseMsat,
  sat,
  sumMsat,
  toSatCeil,
  toSatExact,
  toSatFloor,
} from './core/lightning/amount.ts';
export type { LightningBackend, Node, NodeIdentity, NodeInfo } from './core/lightning/backend.ts';
export type { Capabilities } from './core/lightning/capabilities.ts';
export type {
  Channel,
  ChannelBalances,
  ChannelPolicy,
  ChannelState,
  Channels,
  CloseStage,
  Forward,
  OpenChannel,
  Peer,
  Peers,
  Rebalance,
} from './core/lightning/channel.ts';
export type { CallOptions, Network, Page, PageRequest } from './core/lightning/common.ts';
export { isLightningError, LightningError, type LightningErrorCode, type Retry } from './core/lightning/errors.ts';
export { type IdempotentPaymentsDependencies, idempotentPayments } from './core/lightning/idempotent-payments.ts';
export {
  hashOfPreimage,
  type NodeId,
  nodeId,
  type Outpoint,
  outpoint,
  type PaymentHash,
  type Preimage,
  paymentHash,
  preimage,
  type ShortChannelId,
  shortChannelId,
  type TxId,
  txId,
} from './core/lightning/identifiers.ts';
export type { CreateInvoice, Invoice, InvoiceState, Invoices, ListInvoices } from './core/lightning/invoice.ts';
export type {
  DecodedInvoice,
  KeysendRequest,
  Payment,
  PaymentDriver,
  PaymentFailure,
  PaymentOutcome,
  PaymentPart,
  Payments,
  PayRequest,
  RouteHint,
  RouteHop,
} from './core/lightning/payment.ts';
export {
  classifySettlement,
  type FollowSettlements,
  type Settlement,
  type SettlementCursor,
  type SettlementEvent,
  type Settlements,
  type StreamStatus,
} from './core/lightning/settlement.ts';
export type { Wallet as OnChainWallet, WalletBalance, WalletTransaction } from './core/lightning/wallet.ts';
export type { Clock } from './core/ports/clock.ts';
export type { Feed, FeedBatch, FeedCounts } from './core/ports/feed.ts';
export { JournalError } from './core/ports/journal.ts';
export { type Grant, LedgerError, type QuoteRecord, type SettlementEffect } from './core/ports/ledger.ts';
export { type LogFields, type Logger, silentLogger } from './core/ports/logger.ts';
export type { PaymentIntent, PaymentIntents } from './core/ports/payment-intents.ts';
export type { KeptAnswer, PurchaseCounts, PurchaseEffect, PurchaseRecord, PurchaseRefund } from './core/ports/purchases.ts';
export type { Random } from './core/ports/random.ts';
export type { ObservedSettlement, SettlementLog } from './core/ports/settlement-log.ts';
export { StoreError, type StoreErrorCode } from './core/store/errors.ts';
export type { Content, Delivered, ItemSource, Listing, Offer, Order } from './core/store/items.ts';
export { type RetryAdvice, TickerplantError, type TickerplantErrorCode } from './core/tickerplant/errors.ts';
export type { TickerplantLimits } from './core/tickerplant/limits.ts';
export type { ActiveEvent, GapEvent, QuoteItem, QuoteOffer, ResumePosition } from './core/tickerplant/messages.ts';
export type { PublishedRows } from './core/tickerplant/published-rows.ts';
export type { Column, ColumnType, FlatPricing, Pricing, Row, TableDefinition, TableSchema, Value } from './core/tickerplant/schema.ts';
export type { SellerBackend } from './core/tickerplant/seller-node.ts';
export type {
  BuyerConnection,
  Resumed,
  SubscribeRequest,
  SubscribeResult,
  SubscriberSink,
  TickerplantService,
  Transport,
} from './core/tickerplant/service.ts';
export type { TickerplantCounters } from './core/tickerplant/tickerplant.ts';
export { FeedError, type FeedErrorCode } from './feed/errors.ts';
export type { ListenerClientInput } from './listener/config.ts';
export { type Answer, type ComputedOptions, computed } from './store/computed.ts';
export type { WhenChanged } from './store/file-content.ts';
export { type FolderOptions, file, folder } from './store/folder.ts';
export { type RowsOptions, rows, type TableRow } from './store/rows.ts';
export type { HttpConfigInput } from './transport/http/config.ts';
export { ListenError, type ListenErrorCode } from './transport/shared/listen-error.ts';
export type { StoreMiddleware } from './transport/store/middleware.ts';
export type { WebsocketConfigInput } from './transport/websocket/config.ts';
