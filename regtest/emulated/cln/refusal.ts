/** lightningd's refusal of a call, as it goes over the wire. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly code: number;
  readonly data: unknown;

  constructor(code: number, message: string, data?: unknown) {
    super(message);
    this.code = code;
    this.data = data;
  }
}

/** Numbers of lightningd's `jsonrpc_errors.h`. */
export const CODE: {
  readonly generic: -1;
  readonly pluginError: -3;
  readonly methodNotFound: -32601;
  readonly invalidParams: -32602;
} = { generic: -1, pluginError: -3, methodNotFound: -32601, invalidParams: -32602 };

/** A parameter that can't be read, in lightningd's words. */
export function badParameter(name: string, what: string, value: unknown): Refusal {
  const token = typeof value === 'string' ? `"${value}"` : JSON.stringify(value);
  return new Refusal(CODE.invalidParams, `${name}: ${what}: invalid token '${token}'`);
}
