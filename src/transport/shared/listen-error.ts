/** `ADDRESS_IN_USE` by another program · `ADDRESS_UNAVAILABLE` not an address of this machine · `NOT_PERMITTED` · `OTHER`. */
export type ListenErrorCode = 'ADDRESS_IN_USE' | 'ADDRESS_UNAVAILABLE' | 'NOT_PERMITTED' | 'OTHER';

/** A transport could not listen; the message names the address and what to do. */
export class ListenError extends Error {
  override readonly name = 'ListenError';
  readonly code: ListenErrorCode;

  constructor(code: ListenErrorCode, message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}

const LISTEN_ERRORS: Readonly<Record<string, readonly [ListenErrorCode, (setting: (name: string) => string) => string]>> = {
  EADDRINUSE: [
    'ADDRESS_IN_USE',
    (setting) => `another program listens there; stop it, or set ${setting('port')} to a free port (0 takes any)`,
  ],
  EADDRNOTAVAIL: ['ADDRESS_UNAVAILABLE', (setting) => `that is not an address of this machine; set ${setting('host')}`],
  ENOTFOUND: ['ADDRESS_UNAVAILABLE', (setting) => `that name is not known; set ${setting('host')}`],
  EACCES: ['NOT_PERMITTED', (setting) => `not allowed; set ${setting('port')} to one above 1023`],
};

/**
 * Why a transport could not listen. `transport`: its name, and that of its section under `transports` in the config; `setting`: how host and
 * port are set, where it is otherwise.
 */
export function listenError(
  transport: string,
  host: string,
  port: number,
  error: NodeJS.ErrnoException,
  setting: (name: string) => string = (name) => `transports.${transport}.${name}`,
): ListenError {
  const [code, fix] = LISTEN_ERRORS[error.code ?? ''] ?? (['OTHER', () => error.code ?? 'unknown reason'] as const);
  const message = `${transport}: can't listen on ${hostAndPort(host, port)}: ${fix(setting)}`;
  return new ListenError(code, message, { cause: error });
}

/** Host and port as they stand in a URL. */
export function hostAndPort(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
