/** The client of one issuer in a page: logs in and out, refreshes, and adds credentials to requests. */

import { AuthError, retryAfter } from "./auth-error.js";
import type { AuditEventKind, ProblemCode } from "./contract.js";
import { Tabs } from "./tabs.js";

export type { AuditEventKind, ProblemCode };

/** Refreshes when less than this part of the lifetime is left. */
const REFRESH_PART = 0.2;

/** The longest pause before a refresh is repeated after 429, in seconds. */
const MAX_RETRY_AFTER = 30;

/** How long a refresh may take, in milliseconds. */
const REFRESH_TIMEOUT = 30_000;

/** Calls that need no credential. */
const PUBLIC = new Set(["/v1/login", "/v1/register"]);

const JSON_TYPE = { "content-type": "application/json" };

/** How users are authenticated. */
export type Mode = "session" | "jwt" | "hybrid";

/** The options of `createClient()`. */
export interface ClientOptions {
  /** The URL of the issuer; `""` (the default) if it is reached at the origin of the page. */
  issuer?: string;
  /** `session` by default. */
  mode?: Mode;
  /**
   * `cookie` (the default): scripts never see a credential. `bearer`: for pages on another site than the issuer; this tab
   * keeps its tokens in memory, and a reload logs it out.
   */
  transport?: "cookie" | "bearer";
  /** Other origins to which `fetch` sends an access token, with the audience of each. */
  origins?: Readonly<Record<string, { audience: string; scope?: string }>>;
}

/** A user. */
export interface User {
  id: string;
  username: string;
  roles: string[];
  [member: string]: unknown;
}

/** A login, as in the list of sessions. */
export interface SessionRow {
  id: string;
  mode: Mode;
  label: string | null;
  ip: string | null;
  user_agent: string | null;
  created_at: number;
  seen_at: number;
  expires_at: number;
  current: boolean;
  [member: string]: unknown;
}

/** `stale`: the issuer cannot be reached, so nothing says whether the user is still logged in. */
export type State = "unknown" | "in" | "out" | "stale";

/** Why the user is logged out. */
export type OutReason = "by_user" | "ended" | "expired";

/** What has changed. */
export interface Change {
  state: State;
  user: User | null;
  reason: OutReason | null;
}

/** The body of a login. */
export interface LoginBody {
  username: string;
  password: string;
  client_id?: string;
  label?: string;
  remember?: boolean;
  scope?: string;
  audience?: string;
}

/** The members of the issuer's answers that matter here. */
interface Credentials {
  user?: User;
  session?: { id: string };
  session_token?: string;
  access_token?: string;
  refresh_token?: string;
  expires_in?: number;
  refresh_expires_in?: number;
}

type Answer = Credentials & Record<string, unknown>;

type RefreshOutcome = "refreshed" | "other_tab" | "failed";

interface CachedToken {
  token: Promise<string>;
  refreshAt: number;
}

/** Creates the client of a page. On a server it never refreshes and never logs in: there, `req.auth` says who is calling. */
export function createClient(options: ClientOptions = {}): Client {
  return new Client(options);
}

/** The client of one issuer in one page. */
export class Client {
  readonly #issuer: string;
  readonly #mode: Mode;
  readonly #isBearer: boolean;
  readonly #origins: Readonly<Record<string, { audience: string; scope?: string }>>;
  readonly #tabs: Tabs;
  readonly #listeners = new Set<(change: Change) => void>();
  readonly #tokens = new Map<string, CachedToken>();
  /** The tokens of the transport `bearer`. */
  #bearer: string | undefined;
  #refreshToken: string | undefined;
  #current: Change = { state: "unknown", user: null, reason: null };
  /** Changes with each login and logout: the result of a refresh from before is dropped. */
  #epoch = 0;
  #refreshing: Promise<RefreshOutcome> | undefined;
  #checking: Promise<void> | undefined;

  /** @internal */
  constructor({ issuer = "", mode = "session", transport = "cookie", origins = {} }: ClientOptions) {
    // Absolute: a `<base>` in the page must not lead credentials to another origin. `Tabs` keeps the text of the option.
    this.#issuer = issuer === "" && isBrowser ? location.origin : issuer;
    this.#mode = mode;
    this.#isBearer = transport === "bearer";
    this.#origins = origins;
    this.#tabs = new Tabs(issuer, isBrowser && !this.#isBearer, (change) => this.#follow(change));
  }

  /** Whether the user is logged in, as far as this tab knows. */
  get state(): State {
    return this.#current.state;
  }

  get user(): User | null {
    return this.#current.user;
  }

  /** Calls `listener` with each change of the state, in every tab. Returns the function that ends that. */
  on(_event: "change", listener: (change: Change) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Asks the issuer who is logged in: call it once, when the page starts. It never throws. */
  async start(): Promise<Change> {
    if (isBrowser) await this.#check();
    return this.#current;
  }

  /** Logs in. @throws AuthError for wrong credentials (401) and others. */
  async login(body: LoginBody): Promise<User> {
    return this.#begin("/v1/login", { mode: this.#mode, transport: this.#isBearer ? "bearer" : "cookie", ...body });
  }

  /** Registers a user. It does not log in. @throws AuthError for a username that is taken (409) and others. */
  async register(body: { username: string; password: string; email?: string }): Promise<User> {
    const { user } = await this.#json("/v1/register", { method: "POST", body: JSON.stringify(body) });
    return user as User;
  }

  /** Changes the password. All other sessions of the user end; this one continues with new credentials. @throws AuthError */
  async changePassword(body: { current_password: string; new_password: string }): Promise<void> {
    await this.#begin("/v1/password", body);
  }

  /**
   * Logs out, with `everywhere` in all sessions of the user.
   *
   * @throws AuthError if the issuer could not do it: the user is still logged in.
   */
  async logout({ everywhere = false } = {}): Promise<void> {
    if (everywhere) await this.#json("/v1/sessions?except=none", { method: "DELETE" });
    const response = await this.#send(`${this.#issuer}/v1/logout`, { method: "POST", ...this.#logoutBody() });
    if (!response.ok) throw await AuthError.from(response);
    this.#leave("by_user");
  }

  /** The live sessions of the user, newest first. */
  async sessions(): Promise<SessionRow[]> {
    const { sessions } = await this.#json("/v1/sessions?limit=100", {});
    return sessions as SessionRow[];
  }

  /** Ends one session of the user. */
  async endSession(id: string): Promise<void> {
    await this.#json(`/v1/sessions/${encodeURIComponent(id)}`, { method: "DELETE" });
  }

  /** Ends all sessions of the user except this one. */
  async endOtherSessions(): Promise<void> {
    await this.#json("/v1/sessions", { method: "DELETE" });
  }

  /**
   * A short access token for another service. It is kept in memory, for each audience and scope.
   *
   * @throws AuthError
   */
  token({ audience, scope }: { audience: string; scope?: string }): Promise<string> {
    const key = JSON.stringify([audience, scope]);
    const cached = this.#tokens.get(key);
    if (cached && Date.now() < cached.refreshAt) return cached.token;
    const entry: CachedToken = { token: Promise.resolve(""), refreshAt: Infinity };
    entry.token = this.#exchange({ audience, scope }, entry).catch((error: unknown) => {
      this.#tokens.delete(key);
      throw error;
    });
    this.#tokens.set(key, entry);
    return entry.token;
  }

  async #exchange(body: { audience: string; scope: string | undefined }, entry: CachedToken): Promise<string> {
    const { access_token, expires_in } = await this.#json("/v1/token", { method: "POST", body: JSON.stringify(body) });
    entry.refreshAt = Date.now() + (expires_in ?? 0) * 1000 * (1 - REFRESH_PART);
    return access_token!;
  }

  /**
   * As the global `fetch`, with the credentials of the user: for the issuer's origin and those of `origins`, and for no other.
   * If the access token has expired, it refreshes and repeats the request once; not if the body is a stream.
   */
  async fetch(input: RequestInfo | URL, init: RequestInit = {}): Promise<Response> {
    if (!isBrowser) return fetch(input, init);
    // As `fetch` itself: relative to the `<base>` of the page.
    const url = new URL(input instanceof Request ? input.url : input, document.baseURI);
    const isIssuer = url.origin === new URL(this.#issuer, location.href).origin;
    const other = Object.hasOwn(this.#origins, url.origin) ? this.#origins[url.origin] : undefined;
    if (!isIssuer && !other) return fetch(input, init);
    const isStream = init.body instanceof ReadableStream || (input instanceof Request && input.body !== null);
    const once = async () => this.#send(input, init, isIssuer ? this.#bearer : await this.token(other!));
    const seen = this.#tabs.times?.received;
    if (this.#isAlmostExpired()) await this.#refresh(seen);
    const response = await once();
    if (response.status !== 401 || isStream) return response;
    if (other) {
      this.#tokens.clear();
      return once().catch(() => response);
    }
    if (this.#mode === "hybrid") return this.#repeat(response, once, seen);
    // Only the issuer knows whether the user is logged out; the route may have other reasons.
    void this.#check();
    return response;
  }

  /** Repeats a request after a refresh. */
  async #repeat(response: Response, once: () => Promise<Response>, seen: number | undefined): Promise<Response> {
    const outcome = await this.#refresh(seen);
    if (outcome === "failed") return response;
    const again = await once();
    // Another tab had refreshed before this request was sent, and this tab had not heard of it.
    const isLate = again.status === 401 && outcome === "other_tab";
    return isLate && (await this.#refresh(await this.#tabs.lastReceived())) !== "failed" ? once() : again;
  }

  /** Ends the messages from other tabs. */
  close(): void {
    this.#tabs.close();
    this.#listeners.clear();
  }

  #send(input: RequestInfo | URL, init: RequestInit, bearer = this.#bearer): Promise<Response> {
    const headers = new Headers(init.headers ?? (input instanceof Request ? input.headers : undefined));
    if (bearer === undefined || headers.has("authorization")) return fetch(input, { credentials: "include", ...init, headers });
    headers.set("authorization", `Bearer ${bearer}`);
    // A redirect could lead the token to another origin.
    return fetch(input, { redirect: "error", credentials: "omit", ...init, headers });
  }

  /** Calls the issuer, after a refresh if one is due. @throws AuthError */
  async #json(path: string, init: RequestInit): Promise<Answer> {
    if (!isBrowser) throw new TypeError("this can be called in a browser only");
    const once = () => this.#send(this.#issuer + path, init.body ? { ...init, headers: JSON_TYPE } : init);
    const seen = this.#tabs.times?.received;
    if (PUBLIC.has(path)) return readAnswer(await once());
    if (this.#isAlmostExpired()) await this.#refresh(seen);
    const response = await once();
    if (response.status !== 401) return readAnswer(response);
    const { code } = await AuthError.from(response.clone());
    // A wrong password is no expired token.
    if (code === "invalid_credentials") return readAnswer(response);
    if (this.#mode === "hybrid") return readAnswer(await this.#repeat(response, once, seen));
    if (path !== "/v1/me") void this.#check();
    return readAnswer(response);
  }

  /** A call that answers with new credentials. */
  async #begin(path: string, body: object): Promise<User> {
    const answer = await this.#json(path, { method: "POST", body: JSON.stringify(body) });
    this.#epoch++;
    this.#tokens.clear();
    this.#take(answer);
    this.#change({ state: "in", user: answer.user ?? null, reason: null }, true);
    return answer.user!;
  }

  #take(answer: Credentials): number {
    if (this.#isBearer) {
      this.#bearer = answer.session_token ?? answer.access_token;
      this.#refreshToken = answer.refresh_token;
    }
    const received = Date.now();
    const expires = received + (answer.expires_in ?? 0) * 1000;
    const ends = answer.refresh_expires_in === undefined ? expires : received + answer.refresh_expires_in * 1000;
    this.#tabs.times = { session: answer.session?.id ?? this.#tabs.times?.session, received, expires, ends };
    return received;
  }

  #isAlmostExpired(): boolean {
    const times = this.#tabs.times;
    if (this.#mode !== "hybrid" || !times || this.state === "out") return false;
    return times.expires - Date.now() < (times.expires - times.received) * REFRESH_PART;
  }

  /** Gets new credentials. `seen` is when those of the request were received. One refresh at a time. */
  #refresh(seen: number | undefined): Promise<RefreshOutcome> {
    if (this.#mode !== "hybrid" || (this.#isBearer && !this.#refreshToken)) return Promise.resolve("failed");
    this.#refreshing ??= this.#tabs
      .exclusively(async (): Promise<RefreshOutcome> => {
        // Another tab has refreshed, or logged in, since the request was sent.
        const received = await this.#tabs.lastReceived();
        if (received !== undefined && received !== seen) return "other_tab";
        return (await this.#sendRefresh()) ? "refreshed" : "failed";
      })
      .finally(() => (this.#refreshing = undefined));
    return this.#refreshing;
  }

  async #sendRefresh(): Promise<boolean> {
    const epoch = this.#epoch;
    const response = await this.#postRefresh(true);
    if (epoch !== this.#epoch) return false;
    if (response?.ok) {
      const answer: Credentials = await response.json();
      if (epoch !== this.#epoch) return false;
      await this.#tabs.show(this.#take(answer));
      if (this.state !== "in") this.#change({ state: "in", user: this.user, reason: null }, true);
      return true;
    }
    if (response?.status === 401) this.#leave();
    else this.#change({ ...this.#current, state: "stale" }, false);
    return false;
  }

  async #postRefresh(mayRepeat: boolean): Promise<Response | undefined> {
    const body = this.#refreshToken === undefined ? undefined : JSON.stringify({ refresh_token: this.#refreshToken });
    const limit = new AbortController();
    const timer = setTimeout(() => limit.abort(), REFRESH_TIMEOUT);
    const init: RequestInit = { method: "POST", credentials: this.#isBearer ? "omit" : "include", signal: limit.signal };
    const withBody = body === undefined ? init : { ...init, body, headers: JSON_TYPE };
    const response = await fetch(`${this.#issuer}/v1/refresh`, withBody).catch(() => undefined);
    clearTimeout(timer);
    if (response?.status !== 429 || !mayRepeat) return response;
    const seconds = Math.min(retryAfter(response) ?? 1, MAX_RETRY_AFTER);
    await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
    return this.#postRefresh(false);
  }

  #logoutBody(): RequestInit {
    if (this.#refreshToken === undefined) return {};
    return { body: JSON.stringify({ refresh_token: this.#refreshToken }), headers: JSON_TYPE };
  }

  /** Asks the issuer who is logged in. One question at a time. */
  #check(): Promise<void> {
    this.#checking ??= this.#me().finally(() => (this.#checking = undefined));
    return this.#checking;
  }

  async #me(): Promise<void> {
    const epoch = this.#epoch;
    try {
      const { user, session } = await this.#json("/v1/me", {});
      if (epoch !== this.#epoch) return;
      const times = this.#tabs.times;
      if (times && session) this.#tabs.times = { ...times, session: session.id };
      if (this.state !== "in" || this.user?.id !== user?.id) this.#change({ state: "in", user: user ?? null, reason: null }, false);
    } catch (error) {
      if (epoch !== this.#epoch) return;
      const isOut = error instanceof AuthError && error.status === 401;
      // In mode `hybrid` the refresh has decided already.
      if (isOut && this.state !== "out" && this.state !== "stale") this.#leave();
      else if (!isOut) this.#change({ ...this.#current, state: "stale" }, false);
    }
  }

  #leave(reason?: OutReason): void {
    const { times } = this.#tabs;
    const wasKnown = times !== undefined || this.state === "in";
    reason ??= times && times.ends < Date.now() ? "expired" : "ended";
    this.#forget();
    this.#change({ state: "out", user: null, reason: wasKnown ? reason : null }, wasKnown);
  }

  #forget(): void {
    this.#epoch++;
    this.#tokens.clear();
    this.#bearer = this.#refreshToken = this.#tabs.times = undefined;
  }

  /** Takes a change from another tab. */
  #follow(change: Change): void {
    if (change.state === "out") {
      this.#epoch++;
      this.#tokens.clear();
    }
    this.#change(change, false);
  }

  #change(change: Change, isNews: boolean): void {
    const { state, user } = this.#current;
    this.#current = change;
    if (isNews) this.#tabs.send(change);
    if (state === change.state && user?.id === change.user?.id) return;
    for (const listener of this.#listeners) listener(change);
  }
}

/** @throws AuthError */
async function readAnswer(response: Response): Promise<Answer> {
  if (!response.ok) throw await AuthError.from(response);
  return response.status === 204 ? {} : response.json();
}

const isBrowser = typeof window !== "undefined";
