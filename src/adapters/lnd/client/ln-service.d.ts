/** The part of `ln-service` that we use; it ships without types. */
declare module 'ln-service' {
  interface Authentication {
    /** Base64 or hex; the system's authorities where it is left out. */
    cert?: string;
    /** Base64 or hex. */
    macaroon: string;
    /** `host:port`, an IPv6 address in brackets. */
    socket: string;
  }

  interface ParsedRequest {
    cltv_delta?: number;
    created_at: string;
    description?: string;
    description_hash?: string;
    destination: string;
    expires_at: string;
    id: string;
    mtokens?: string;
    network: string;
    routes?: {
      public_key: string;
      channel?: string;
      base_fee_mtokens?: string;
      fee_rate?: number;
      cltv_delta?: number;
    }[][];
  }

  /** One client of `@grpc/grpc-js` per service, with a method per call of it. */
  export function authenticatedLndGrpc(authentication: Authentication): { lnd: Record<string, Record<string, unknown>> };
  /** Reads BOLT 11 and recovers the payee from the signature. */
  export function parsePaymentRequest(options: { request: string }): ParsedRequest;
}
