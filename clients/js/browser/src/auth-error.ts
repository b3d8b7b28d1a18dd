/** The error of a call that the issuer has refused. */

import type { ProblemCode } from "./contract.js";

/** The issuer has refused a call, as its problem document (RFC 9457) says. */
export class AuthError extends Error {
  override readonly name = "AuthError";

  constructor(
    /** The status of the answer. */
    readonly status: number,
    /** Stable, for programs; `undefined` if the answer is not of the issuer. */
    readonly code: ProblemCode | undefined,
    detail: string,
    /** What is wrong with each field. */
    readonly errors: readonly { field: string; detail: string }[],
    /** After how many seconds the call may be repeated. */
    readonly retryAfter: number | undefined,
  ) {
    super(detail);
  }

  /** @internal */
  static async from(response: Response): Promise<AuthError> {
    const { code, detail, errors } = await response.json().catch(() => ({}));
    return new AuthError(response.status, code, detail ?? `status ${response.status}`, errors ?? [], retryAfter(response));
  }
}

/** The seconds of `Retry-After`, if it has any. */
export function retryAfter(response: Response): number | undefined {
  const seconds = Number(response.headers.get("retry-after") ?? Number.NaN);
  return seconds >= 0 ? seconds : undefined;
}
