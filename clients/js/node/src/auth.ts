/** Who sends a request, as the handlers of an application see it. */

import { inspect } from "node:util";

import type { CredentialEnd } from "./endings.js";

/** The kind of the credential. */
export type CredentialKind = "access" | "session" | "forwarded";

/** The data that the application stores with the session of a caller, at the issuer. */
export interface SessionData {
  read(): Promise<Record<string, unknown>>;
  patch(changes: Record<string, unknown>): Promise<Record<string, unknown>>;
}

/** What is known of the caller. */
export interface AuthParts {
  readonly kind: CredentialKind;
  readonly subject: string;
  readonly externalId: string | number | null;
  readonly username: string | null;
  readonly sessionId: string | null;
  readonly clientId: string | null;
  readonly roles: readonly string[];
  readonly scopes: readonly string[];
  readonly authTime: number;
  readonly amr: readonly string[];
  readonly expiresAt: number;
  readonly claims: Readonly<Record<string, unknown>>;
}

/** An authenticated caller. Only verification creates one. It contains no credential. */
export class Auth implements AuthParts {
  /** `access` for an access token, `session` for a session token, `forwarded` for an assertion of the proxy. */
  readonly kind: CredentialKind;
  /** The id of the user. */
  readonly subject: string;
  /** The application's own id of the user, if the issuer knows it. */
  readonly externalId: string | number | null;
  /** To show. `subject` identifies the user. */
  readonly username: string | null;
  readonly sessionId: string | null;
  readonly clientId: string | null;
  readonly roles: readonly string[];
  /** What the credential is limited to; empty if it is not limited. */
  readonly scopes: readonly string[];
  /** When the user authenticated, in Unix seconds. */
  readonly authTime: number;
  /** How the user authenticated (RFC 8176). */
  readonly amr: readonly string[];
  /** In Unix seconds. */
  readonly expiresAt: number;
  /** All claims of the token, or all members of the introspection. */
  readonly claims: Readonly<Record<string, unknown>>;
  readonly #watch: () => AbortSignal;
  readonly #data: SessionData;
  #ended: AbortSignal | undefined;

  /** @internal */
  constructor(parts: AuthParts, watch: () => AbortSignal, data: SessionData) {
    this.kind = parts.kind;
    this.subject = parts.subject;
    this.externalId = parts.externalId;
    this.username = parts.username;
    this.sessionId = parts.sessionId;
    this.clientId = parts.clientId;
    this.roles = parts.roles;
    this.scopes = parts.scopes;
    this.authTime = parts.authTime;
    this.amr = parts.amr;
    this.expiresAt = parts.expiresAt;
    this.claims = parts.claims;
    this.#watch = watch;
    this.#data = data;
  }

  /**
   * Fires when a request with the same credential would be refused, within one hop of a revocation: for WebSockets and event
   * streams. Its `reason` is a `CredentialEnd`. It is forgotten when the connection of the request closes.
   */
  get ended(): AbortSignal {
    return (this.#ended ??= this.#watch());
  }

  /** Calls `listener` once when `ended` fires, also if it has fired already. */
  onEnd(listener: (end: CredentialEnd) => void): void {
    const { ended } = this;
    const call = () => listener(ended.reason as CredentialEnd);
    if (ended.aborted) queueMicrotask(call);
    else ended.addEventListener("abort", call, { once: true });
  }

  /**
   * The data of this session, as the application has stored it. One request to the issuer.
   *
   * @throws Problem
   */
  data(): Promise<Record<string, unknown>> {
    return this.#data.read();
  }

  /**
   * Changes the data of this session by a merge patch (RFC 7396): `null` removes a member. Returns all of it.
   *
   * @throws Problem
   */
  patch(changes: Record<string, unknown>): Promise<Record<string, unknown>> {
    return this.#data.patch(changes);
  }

  /** Whether the user has exactly this role. */
  hasRole(role: string): boolean {
    return this.roles.includes(role);
  }

  /** Whether the credential has exactly this scope. */
  hasScope(scope: string): boolean {
    return this.scopes.includes(scope);
  }

  /** Without the claims: an application may have configured some that do not belong into a log. */
  [inspect.custom](): string {
    const { kind, subject, username, sessionId, roles, scopes } = this;
    return `Auth ${inspect({ kind, subject, username, sessionId, roles, scopes }, { breakLength: Infinity })}`;
  }
}
