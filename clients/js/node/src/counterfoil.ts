/** The verifier of one application: authenticates its requests, and follows the revocations of the issuer. */

import { AccessTokenVerifier, type VerifiedToken } from "./access-token.js";
import { Auth, type AuthParts } from "./auth.js";
import { forwardedVerifier } from "./assertion.js";
import { elapsedSince, IssuerClock } from "./clock.js";
import { cookieNames, type CookieNames, readCredentials, type RequestLike } from "./credentials.js";
import { checkCsrf } from "./csrf.js";
import { Endings } from "./endings.js";
import { Feed, type Freshness } from "./feed.js";
import { type ActiveToken, Introspection, VALID_FOR } from "./introspection.js";
import { Issuer, type IssuerRequest, type IssuerResponse, type LoginBody, type LoginResult, sessionData } from "./issuer.js";
import { KeyStore } from "./key-store.js";
import { type Options, readOptions, type Settings } from "./options.js";
import { accessParts, sessionParts } from "./parts.js";
import { invalidToken, Problem, stale, unavailable } from "./problem.js";
import { relay, type RelayHandler } from "./relay.js";
import type { RevocationQuery } from "./revocations.js";
import { isSessionToken } from "./text.js";

/** How long a request waits for the first answer of the feed, in milliseconds. */
const START_WAIT = 5000;

/** Creates the verifier of an application. It follows the revocation feed until `close()`. */
export function counterfoil(options: Options): Counterfoil {
  return new Counterfoil(options);
}

/** What the middleware of a framework asks: a `Counterfoil`, or what `forwarded` returns. */
export interface Authenticator {
  /** @throws Problem */
  authenticate(request: RequestLike): Promise<Auth | null>;
}

/** The verifier of one application. */
export class Counterfoil implements Authenticator {
  readonly #settings: Settings;
  readonly #names: CookieNames;
  readonly #clock: IssuerClock;
  readonly #keys: KeyStore;
  readonly #tokens: AccessTokenVerifier;
  readonly #endings = new Endings();
  readonly #issuer: Issuer;
  readonly #feed: Feed | undefined;
  readonly #introspection: Introspection | undefined;
  readonly #releases = new WeakMap<object, Set<() => void>>();
  /** Until the feed has answered for the first time. */
  #starting: Promise<unknown> | undefined;

  /** @internal */
  constructor(options: Options) {
    const settings = (this.#settings = readOptions(options));
    const { verifierKey } = options;
    this.#names = cookieNames(settings.issuer);
    this.#clock = new IssuerClock(settings.clock);
    this.#issuer = new Issuer(settings.upstream);
    const isFollowed = verifierKey !== undefined && settings.follow;
    this.#keys = new KeyStore(settings, isFollowed);
    this.#tokens = new AccessTokenVerifier(settings, this.#keys, this.#clock);
    if (verifierKey === undefined) {
      settings.log("counterfoil: without `verifierKey` a revoked access token is accepted until it expires");
      return;
    }
    this.#introspection = new Introspection(settings, verifierKey);
    if (!isFollowed) return;
    this.#feed = new Feed(settings, verifierKey, this.#clock, this.#keys, {
      published: (entries) => this.#endings.revoke(entries),
      stale: () => this.#endings.endAll("unavailable"),
    });
    this.#feed.start();
    this.#starting = this.#feed.ready().finally(() => (this.#starting = undefined));
  }

  /**
   * Authenticates a request: by `Authorization: Bearer`, or by a cookie of the issuer. `null` without a credential, and for
   * a cookie that is not valid.
   *
   * @throws Problem with status 400 for two different credentials, 401 for an invalid bearer token, 403 for a write from
   * another site, and 503 if the credential cannot be checked.
   */
  async authenticate(request: RequestLike): Promise<Auth | null> {
    const { token, source, hasCookie } = readCredentials(request, this.#names);
    if (hasCookie) checkCsrf(request, this.#settings.origins);
    if (token === null) return null;
    try {
      // The usual case waits for nothing.
      return this.#verifyCached(token, request.socket) ?? (await this.#verify(token, request.socket));
    } catch (error) {
      if (source === "cookie" && error instanceof Problem && error.status === 401) return null;
      throw error;
    }
  }

  /**
   * Verifies an access token or a session token that came by another way than an HTTP header. The signal of `ended` is
   * forgotten when `connection` closes, such as a WebSocket.
   *
   * @throws Problem with status 401 or 503.
   */
  async verify(token: string, connection?: RequestLike["socket"]): Promise<Auth> {
    return this.#verify(token, connection);
  }

  /** Waits until all revocations are known. Without it, the first requests wait, for at most five seconds. */
  async ready(): Promise<void> {
    await this.#feed?.ready();
  }

  /** How new the known revocations are; `null` for a verifier that follows no feed. */
  freshness(): Freshness | null {
    return this.#feed?.freshness() ?? null;
  }

  /** Stops following the feed. All `ended` signals fire, and credentials are refused from now on. */
  close(): void {
    this.#feed?.close();
  }

  /** Logs a user in at the issuer, on behalf of the browser that has sent `req`. Sets its cookies on `res`. */
  login(req: IssuerRequest, res: IssuerResponse, body: LoginBody): Promise<LoginResult> {
    return this.#issuer.post("/v1/login", req, res, { transport: "cookie", ...body }) as Promise<LoginResult>;
  }

  /** Returns the next credentials: for the cookie of `req`, or for `refresh_token` in `body`. */
  refresh(req: IssuerRequest, res: IssuerResponse, body?: { refresh_token: string; scope?: string }): Promise<LoginResult> {
    return this.#issuer.post("/v1/refresh", req, res, body) as Promise<LoginResult>;
  }

  /** Logs out: ends the session of the credential of `req`, in every mode, and clears its cookies on `res`. */
  async logout(req: IssuerRequest, res: IssuerResponse, body?: { refresh_token: string }): Promise<void> {
    await this.#issuer.post("/v1/logout", req, res, body);
  }

  /** Passes requests below `/v1/` and `/.well-known/` on to the issuer: for applications without a proxy. */
  routes(): RelayHandler {
    return relay(this.#settings.upstream);
  }

  /** For a middleware: authenticates only by the `Remote-Assertion` of a proxy for `audience`, the origin of the application. */
  forwarded({ audience }: { audience: string }): Authenticator {
    const verify = forwardedVerifier(this.#settings, this.#keys, this.#clock, audience, (signed, parts, request) => {
      // Without a position, from an issuer of an earlier version, what is published from now on counts: the proxy has just asked.
      const query = { ...signed, position: signed.position ?? this.freshness()?.position ?? 0 };
      if (this.#feed?.revocations.revokes(query)) throw invalidToken(new Error("revoked"));
      if (this.#feed && !this.#feed.isFresh(this.#settings.acceptStaleMs)) throw stale();
      return this.#accept(parts, query, request.socket, () => this.#clock.now() >= parts.expiresAt);
    });
    return {
      authenticate: async (request) => {
        if (this.#starting) await this.#waitForStart(this.#starting);
        return verify(request);
      },
    };
  }

  async #verify(token: string, socket: RequestLike["socket"]): Promise<Auth> {
    if (this.#starting) await this.#waitForStart(this.#starting);
    if (token.startsWith("cfs_")) return this.#verifySession(token, socket);
    const verified = this.#tokens.cached(token) ?? (await this.#tokens.verify(token));
    // Whether to ask is decided in the same tick as everything else.
    const accepted = this.#acceptToken(token, verified, socket);
    if (accepted) return accepted;
    await this.#introspectAccess(token, verified);
    return this.#authOf(token, verified, socket);
  }

  #verifyCached(token: string, socket: RequestLike["socket"]): Auth | undefined {
    const verified = this.#starting ? undefined : this.#tokens.cached(token);
    return verified && this.#acceptToken(token, verified, socket);
  }

  /** In one tick: the times, the revocations, the lease. `undefined` if only the issuer can say it. */
  #acceptToken(token: string, verified: VerifiedToken, socket: RequestLike["socket"]): Auth | undefined {
    this.#tokens.checkTimes(verified);
    if (this.#feed?.revocations.revokes(verified.query)) throw invalidToken(new Error("revoked"));
    const isKnown = this.#feed ? this.#feed.isFresh(this.#settings.acceptStaleMs) : this.#introspection === undefined;
    return isKnown ? this.#authOf(token, verified, socket) : undefined;
  }

  #authOf(token: string, verified: VerifiedToken, socket: RequestLike["socket"]): Auth {
    const isExpired = () => this.#tokens.isExpired(verified);
    return this.#accept(accessParts(verified.claims), verified.query, socket, isExpired, token);
  }

  /** While the revocations are stale, or without a feed, an answer of the issuer serves one request. */
  async #introspectAccess(token: string, verified: VerifiedToken): Promise<void> {
    const active = await this.#askOnce(token);
    if (active?.claims.sub !== verified.claims.sub || active.claims.sid !== verified.claims.sid) throw invalidToken();
  }

  async #verifySession(token: string, socket: RequestLike["socket"]): Promise<Auth> {
    if (!this.#introspection || !isSessionToken(token)) throw invalidToken();
    const isFresh = this.#feed?.isFresh(this.#settings.acceptStaleMs) ?? false;
    const active = isFresh ? await this.#followedSession(token, this.#introspection) : await this.#askOnce(token);
    if (!active || active.tokenType !== "session" || !this.#isForUs(active)) throw invalidToken();
    let { exp } = active.claims;
    const isExpired = async () => {
      if (this.#clock.now() < exp) return false;
      const later = await this.#introspection!.ask(token, this.#feed !== undefined);
      exp = later?.claims.exp ?? 0;
      return this.#clock.now() >= exp;
    };
    const check = () => this.#clock.now() >= exp && isExpired();
    return this.#accept(sessionParts(active.claims), active.query, socket, check, token);
  }

  /** The session by a kept answer, or by a new one if that is too old, expired or revoked. */
  async #followedSession(token: string, introspection: Introspection): Promise<ActiveToken | null> {
    const feed = this.#feed!;
    const isUsable = ({ query, claims }: ActiveToken) => !feed.revocations.revokes(query) && this.#clock.now() < claims.exp;
    let active = introspection.kept(token);
    // A question that was in progress may be older than the revocation: then a second one follows.
    for (let asked = 0; asked < 2 && (active === undefined || (active && !isUsable(active))); asked++) {
      active = await introspection.ask(token, true).catch(refuseUnavailable);
    }
    // In this tick: no answer is accepted that the revocations contradict.
    if (!active || !isUsable(active)) return null;
    if (!feed.isFresh(this.#settings.acceptStaleMs)) throw stale();
    return active;
  }

  async #askOnce(token: string): Promise<ActiveToken | null> {
    if (!this.#introspection || (this.#feed && this.#settings.stale === "deny")) throw stale();
    const active = await this.#introspection.ask(token, false).catch(refuseUnavailable);
    if (active && elapsedSince(this.#settings.clock, active.asked) >= VALID_FOR) throw stale();
    if (active && this.#feed?.revocations.revokes(active.query)) return null;
    return active;
  }

  #isForUs({ claims: { aud } }: ActiveToken): boolean {
    const audiences = typeof aud === "string" ? [aud] : aud;
    return audiences.some((name) => name === this.#settings.issuer || this.#settings.audiences.includes(name));
  }

  async #waitForStart(starting: Promise<unknown>): Promise<void> {
    const { promise, resolve } = deferred();
    const timer = setTimeout(resolve, START_WAIT);
    timer.unref();
    await Promise.race([starting, promise]);
    clearTimeout(timer);
  }

  #accept(
    parts: AuthParts,
    query: RevocationQuery,
    socket: RequestLike["socket"],
    isExpired: () => boolean | Promise<boolean>,
    token?: string,
  ): Auth {
    const watch = () => {
      const { signal, release, end } = this.#endings.watch({ query, isExpired });
      // What was published between the authentication and now.
      if (this.#feed?.revocations.revokes(query)) end("revoked");
      else if (this.#feed && !this.#feed.isFresh(this.#settings.acceptStaleMs)) end("unavailable");
      else if (socket) this.#releaseWith(socket, release);
      return signal;
    };
    return new Auth(parts, watch, sessionData(this.#settings.upstream, token));
  }

  #releaseWith(socket: NonNullable<RequestLike["socket"]>, release: () => void): void {
    let releases = this.#releases.get(socket);
    if (!releases) {
      const all = (releases = new Set());
      this.#releases.set(socket, all);
      socket.once("close", () => all.forEach((each) => each()));
    }
    releases.add(release);
  }
}

function refuseUnavailable(error: unknown): never {
  throw unavailable(error);
}

function deferred(): { promise: Promise<void>; resolve: () => void } {
  let resolve = () => {};
  const promise = new Promise<void>((done) => (resolve = done));
  return { promise, resolve };
}
