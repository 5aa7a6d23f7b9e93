import { LightningError, type LightningErrorCode } from '../../../core/lightning/errors.ts';

/** What `@grpc/grpc-js` reports a failed call with. `details` is lnd's text. */
export interface GrpcFailure {
  readonly code: number;
  readonly details: string;
}

/** Status codes of gRPC that we tell apart. */
export const GRPC = {
  cancelled: 1,
  unknown: 2,
  deadlineExceeded: 4,
  notFound: 5,
  alreadyExists: 6,
  unavailable: 14,
} as const;

type Rule = readonly [pattern: RegExp, code: LightningErrorCode, message?: string];

const CONNECTING: readonly Rule[] = [
  [
    /certificate has expired/i,
    'UNAUTHENTICATED',
    "lnd's certificate has expired: let lnd make a new one (remove tls.cert and tls.key, restart lnd)",
  ],
  [
    /altnames|does not match certificate/i,
    'UNAUTHENTICATED',
    "lnd's certificate is not for this host: add tlsextraip or tlsextradomain to lnd.conf",
  ],
  [
    /self.signed|unable to verify|unable to get (local )?issuer|certificate/i,
    'UNAUTHENTICATED',
    "lnd's certificate is not the one given: is tls.cert that of this lnd?",
  ],
  [
    /wrong version number|EPROTO|packet length too long/i,
    'PROTOCOL',
    'what listens there does not speak TLS: is this the gRPC port of lnd?',
  ],
  [
    /HTTP status code|http1|Protocol error/i,
    'PROTOCOL',
    'what listens there does not speak gRPC: is this the gRPC port of lnd, without a proxy in between?',
  ],
  [/ENOTFOUND|EAI_AGAIN|Name resolution/i, 'UNAVAILABLE', 'the host name of lnd is not known'],
  [/No connection established|ECONNREFUSED|Failed to connect/i, 'UNAVAILABLE', 'lnd does not answer: is it running, and is host right?'],
];

/** lnd answers nearly everything with the code "unknown", so its text has to decide. The first rule that fits. */
const TEXTS: readonly Rule[] = [
  [/wallet locked/i, 'UNAVAILABLE', "lnd's wallet is locked: unlock it (lncli unlock)"],
  [/wallet not created/i, 'UNAVAILABLE', 'lnd has no wallet yet: create one (lncli create)'],
  [/waiting to start|process of starting|not yet ready|server is still|shutting down/i, 'UNAVAILABLE', 'lnd is starting or stopping'],
  [/permission denied|verification failed|cannot get macaroon|expected 1 macaroon|macaroon|unmarshal v\d/i, 'UNAUTHENTICATED'],
  [/not.*(fully )?synced|still syncing/i, 'NOT_SYNCED'],
  [/payment hash already exists|already connected to peer/i, 'ALREADY_EXISTS'],
  [/invoice (is )?(already|still)|not (in )?accepted|unable to gracefully close|co-?op close|cannot disconnect|htlc already/i, 'CONFLICT'],
  [/insufficient|not enough|amount exceeds/i, 'INSUFFICIENT_FUNDS'],
  [/network|for the wrong|not active network/i, 'INVALID_ARGUMENT'],
  [
    /unable to locate|not found|no existing|isn't initiated|is not online|disconnected|unable to find|not connected|unknown peer/i,
    'NOT_FOUND',
  ],
  [
    /too (large|big|small|long|many|soon|low|high)|invalid|must|cannot|negative|unable to (parse|decode)|checksum|encoding|malformed|mismatch|dust|unknown/i,
    'INVALID_ARGUMENT',
  ],
];

const BY_CODE: Readonly<Record<number, LightningErrorCode>> = {
  3: 'INVALID_ARGUMENT',
  4: 'TIMEOUT',
  5: 'NOT_FOUND',
  6: 'ALREADY_EXISTS',
  7: 'UNAUTHENTICATED',
  9: 'CONFLICT',
  11: 'INVALID_ARGUMENT',
  12: 'UNSUPPORTED',
  16: 'UNAUTHENTICATED',
};

/** Texts for codes that need more than lnd's own. */
const HINTS: Partial<Record<LightningErrorCode, string>> = {
  UNAUTHENTICATED: 'lnd refused the macaroon for this',
  TIMEOUT: 'lnd has not answered in time',
};

/** Whether something thrown by gRPC says how the call ended. */
export function isGrpcFailure(error: unknown): error is GrpcFailure {
  return (
    typeof error === 'object' &&
    error !== null &&
    'code' in error &&
    typeof error.code === 'number' &&
    'details' in error &&
    typeof error.details === 'string'
  );
}

/** A failed call in the port's terms. gRPC's own error is not kept as cause: it carries the call's metadata. */
export function toLightningError(error: unknown, operation: string): LightningError {
  if (error instanceof LightningError) return error;
  if (!isGrpcFailure(error)) {
    const message = error instanceof Error ? error.message : String(error);
    return new LightningError('INTERNAL', message, { operation, cause: error });
  }
  const details = error.details.split('Resolution note')[0]?.trim() ?? '';
  const [code, message] = classify(error.code, details);
  const text = message ?? (HINTS[code] === undefined ? details || 'lnd gave no reason' : `${HINTS[code]}: ${details}`);
  return new LightningError(code, text, { operation, context: { grpcCode: error.code, ...(message !== undefined && { details }) } });
}

function classify(code: number, details: string): readonly [LightningErrorCode, string?] {
  if (code === GRPC.unavailable) return find(CONNECTING, details) ?? ['CONNECTION_LOST', `the connection to lnd ended: ${details}`];
  if (code === GRPC.cancelled) return ['CONNECTION_LOST', 'lnd ended the call'];
  if (code === 13)
    return /RST_STREAM|GOAWAY|closed|reset/i.test(details) ? ['CONNECTION_LOST', `the connection to lnd ended: ${details}`] : ['INTERNAL'];
  if (code === 12 && /unknown service lnrpc\.Lightning/.test(details)) return ['UNAVAILABLE', 'lnd is starting, or its wallet is locked'];
  const fixed = BY_CODE[code];
  if (fixed !== undefined) return [fixed];
  return find(TEXTS, details) ?? ['INTERNAL'];
}

function find(rules: readonly Rule[], details: string): readonly [LightningErrorCode, string?] | undefined {
  const rule = rules.find(([pattern]) => pattern.test(details));
  if (rule === undefined) return undefined;
  return rule[2] === undefined ? [rule[1]] : [rule[1], rule[2]];
}
