/** The part of the `invoices` package that we use; it ships without types. */
declare module 'invoices' {
  interface Hop {
    public_key: string;
    channel?: string;
    base_fee_mtokens?: string;
    fee_rate?: number;
    cltv_delta?: number;
  }

  interface UnsignedRequest {
    hash: string;
    hrp: string;
    tags: number[];
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
    payment?: string;
    routes?: Hop[][];
  }

  const invoices: {
    createUnsignedRequest(request: {
      cltv_delta: number;
      created_at: string;
      description?: string;
      description_hash?: string;
      destination: string;
      expires_at: string;
      features: { bit: number }[];
      id: string;
      mtokens: string;
      network: string;
      payment: string;
      routes?: Hop[][];
    }): UnsignedRequest;
    createSignedRequest(request: { destination: string; hrp: string; signature: string; tags: number[] }): { request: string };
    parsePaymentRequest(request: { request: string }): ParsedRequest;
  };
  export = invoices;
}
