/** Problem documents (RFC 9457): the errors of this package, with the response that each one gets. */

import type { ProblemCode } from "./contract.js";

/** What is wrong with one field of a request. */
export interface FieldError {
  readonly field: string;
  readonly detail: string;
}

interface ProblemParts {
  status: number;
  code: ProblemCode;
  title: string;
  detail: string;
  headers?: Record<string, string>;
  errors?: readonly FieldError[];
  cause?: unknown;
}

/**
 * Why a request is refused. `status`, `headers` and `toJSON()` are the response. It contains no credential.
 *
 * The `code` is stable, for programs. The `type` in the body is `about:blank`, because a service that is not the issuer has no
 * pages that explain problems.
 */
export class Problem extends Error {
  override readonly name = "Problem";
  readonly status: number;
  readonly code: ProblemCode;
  readonly title: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly errors: readonly FieldError[];

  constructor({ status, code, title, detail, headers = {}, errors = [], cause }: ProblemParts) {
    super(detail, cause === undefined ? undefined : { cause });
    this.status = status;
    this.code = code;
    this.title = title;
    this.headers = { "content-type": "application/problem+json", "cache-control": "no-store", ...headers };
    this.errors = errors;
  }

  /** The body. */
  toJSON(): Record<string, unknown> {
    const { status, code, title, message: detail, errors } = this;
    return { type: "about:blank", code, title, status, detail, ...(errors.length > 0 && { errors }) };
  }

  /** The response. Hono answers with it if a handler throws the problem. */
  getResponse(): Response {
    return new Response(JSON.stringify(this), { status: this.status, headers: this.headers });
  }
}

/** The client has presented no credential. */
export function credentialRequired(detail = "a credential is required"): Problem {
  const headers = { "www-authenticate": "Bearer" };
  return new Problem({ status: 401, code: "credential_required", title: "Credential required", detail, headers });
}

/** One answer for everything that can be wrong with a credential, so that an attacker cannot learn which check failed. */
export function invalidToken(cause?: unknown): Problem {
  const headers = { "www-authenticate": 'Bearer error="invalid_token"' };
  const detail = "the credential is invalid";
  return new Problem({ status: 401, code: "invalid_token", title: "Invalid token", detail, headers, cause });
}

export function ambiguousCredential(): Problem {
  const detail = "more than one credential was presented";
  return new Problem({ status: 400, code: "ambiguous_credential", title: "Ambiguous credential", detail });
}

export function crossSite(detail: string): Problem {
  return new Problem({ status: 403, code: "cross_site", title: "Possible cross-site request", detail });
}

/** The revocations are not known for long enough. */
export function stale(): Problem {
  const detail = "the latest revocations are not known";
  return new Problem({ status: 503, code: "stale", title: "Unavailable", detail, headers: { "retry-after": "1" } });
}

/** Nothing says whether the credential is valid. */
export function unavailable(cause?: unknown): Problem {
  const detail = "the credential cannot be checked at present";
  const headers = { "retry-after": "1" };
  return new Problem({ status: 503, code: "unavailable", title: "Unavailable", detail, headers, cause });
}

export function forbidden(detail: string): Problem {
  return new Problem({ status: 403, code: "forbidden", title: "Forbidden", detail });
}

export function insufficientScope(scope: string): Problem {
  const named = /^[!#-[\]-~]+$/.test(scope) ? `, scope="${scope}"` : "";
  const headers = { "www-authenticate": `Bearer error="insufficient_scope"${named}` };
  const detail = `the scope ${scope} is required`;
  return new Problem({ status: 403, code: "insufficient_scope", title: "Insufficient scope", detail, headers });
}

/** A handler asks who is calling, but no middleware has authenticated the request. It fails closed. */
export function misconfigured(detail = "this route is not behind the middleware that authenticates"): Problem {
  return new Problem({ status: 500, code: "misconfigured", title: "Misconfigured", detail });
}
