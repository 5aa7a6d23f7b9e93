/** A right of lnd's: on what, and which. */
export type Operation = `${string}:${'read' | 'write' | 'generate'}`;

const ofLightning: Readonly<Record<string, readonly Operation[]>> = {
  AddInvoice: ['invoices:write'],
  ChannelBalance: ['offchain:read'],
  CloseChannel: ['onchain:write', 'offchain:write'],
  ClosedChannels: ['offchain:read'],
  ConnectPeer: ['peers:write'],
  DecodePayReq: ['offchain:read'],
  DisconnectPeer: ['peers:write'],
  FeeReport: ['offchain:read'],
  ForwardingHistory: ['offchain:read'],
  GetChanInfo: ['info:read'],
  GetInfo: ['info:read'],
  GetTransactions: ['onchain:read'],
  ListChannels: ['offchain:read'],
  ListInvoices: ['invoices:read'],
  ListPayments: ['offchain:read'],
  ListPeers: ['peers:read'],
  LookupInvoice: ['invoices:read'],
  NewAddress: ['address:write'],
  OpenChannel: ['onchain:write', 'offchain:write'],
  OpenChannelSync: ['onchain:write', 'offchain:write'],
  PendingChannels: ['offchain:read'],
  QueryRoutes: ['info:read'],
  SendCoins: ['onchain:write'],
  SubscribeInvoices: ['invoices:read'],
  UpdateChannelPolicy: ['offchain:write'],
  WalletBalance: ['onchain:read'],
};

const ofInvoices: Readonly<Record<string, readonly Operation[]>> = {
  AddHoldInvoice: ['invoices:write'],
  CancelInvoice: ['invoices:write'],
  // Writing it is, in lnd too.
  LookupInvoiceV2: ['invoices:write'],
  SettleInvoice: ['invoices:write'],
  SubscribeSingleInvoice: ['invoices:read'],
};

const ofRouter: Readonly<Record<string, readonly Operation[]>> = {
  SendPaymentV2: ['offchain:write'],
  TrackPaymentV2: ['offchain:read'],
};

/** What each emulated method needs, by its full name, as lnd has it. What is not here (the state service) needs no macaroon. */
export const PERMISSIONS: Readonly<Record<string, readonly Operation[]>> = {
  ...named('lnrpc.Lightning', ofLightning),
  ...named('invoicesrpc.Invoices', ofInvoices),
  ...named('routerrpc.Router', ofRouter),
  ...named('verrpc.Versioner', { GetVersion: ['info:read'] }),
};

function named(service: string, methods: Readonly<Record<string, readonly Operation[]>>): Record<string, readonly Operation[]> {
  return Object.fromEntries(Object.entries(methods).map(([method, operations]) => [`${service}/${method}`, operations]));
}
