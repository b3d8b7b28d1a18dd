/** Asks the issuer about tokens (RFC 7662), and keeps its answers for as long as the protocol allows. */

import { createHash } from "node:crypto";

import { BoundedMap } from "./cache.js";
import { type Clock, elapsedSince, type Moment, readClock } from "./clock.js";
import { HttpError, send } from "./http.js";
import { parseObject } from "./json.js";
import type { Settings } from "./options.js";
import type { RevocationQuery } from "./revocations.js";
import { isCount, isId, isName, isStrings } from "./text.js";

const LIMITS = { headTimeout: 3000, maxBytes: 64 * 1024 };

/** How long an active answer is kept by a process that follows the feed, and how long an inactive one, in milliseconds. */
const KEEP_ACTIVE = 30_000;
const KEEP_INACTIVE = 5000;

/** For how long after the question an answer that is not kept may serve its request. */
export const VALID_FOR = 1000;

/** How many questions may be open. Further ones fail at once. */
const MAX_OPEN = 64;

/** What the issuer says of an active token. */
export interface ActiveToken {
  readonly tokenType: "session" | "access";
  readonly claims: IntrospectedClaims;
  readonly query: RevocationQuery;
  /** When the question was sent. */
  readonly asked: Moment;
}

/** The members of an active answer. */
export interface IntrospectedClaims {
  readonly sub: string;
  readonly username?: string;
  readonly client_id: string;
  readonly aud: string | readonly string[];
  readonly sid: string;
  readonly jti?: string;
  readonly exp: number;
  readonly auth_time: number;
  readonly amr: readonly string[];
  readonly roles?: readonly string[];
  readonly scope?: string;
  readonly external_id?: string | number;
  readonly pos: number;
  readonly [name: string]: unknown;
}

interface Kept {
  readonly answer: ActiveToken | null;
  readonly asked: Moment;
}

export class Introspection {
  readonly #settings: Settings;
  readonly #authorization: string;
  readonly #clock: Clock;
  /** By the SHA-256 of the token: a copy of this memory contains no session token. */
  readonly #kept: BoundedMap<Kept>;
  readonly #asking = new Map<string, Promise<Kept>>();

  constructor(settings: Settings, verifierKey: string) {
    this.#settings = settings;
    this.#authorization = `Bearer ${verifierKey}`;
    this.#clock = settings.clock;
    this.#kept = new BoundedMap(settings.cacheSize);
  }

  /** The kept answer, if it is recent enough; `null` says that the token is not active. */
  kept(token: string): ActiveToken | null | undefined {
    const kept = this.#kept.get(hashOf(token));
    if (!kept) return undefined;
    const limit = kept.answer ? KEEP_ACTIVE : KEEP_INACTIVE;
    return elapsedSince(this.#clock, kept.asked) < limit ? kept.answer : undefined;
  }

  /**
   * Asks, one question at a time for each token; `null` says that the token is not active. With `keep` the answer is
   * kept: only for a process that checks it against the revocations at each use.
   *
   * @throws HttpError if there is no answer.
   */
  async ask(token: string, keep: boolean): Promise<ActiveToken | null> {
    const hash = hashOf(token);
    // A question that another request sent before is too old for an answer that is not kept.
    const asking = keep ? this.#asking.get(hash) : undefined;
    if (asking) return (await asking).answer;
    if (this.#asking.size >= MAX_OPEN) throw new HttpError("too many requests wait for the issuer");
    const key = keep ? hash : `${hash} ${performance.now()} ${Math.random()}`;
    const question = this.#send(token).finally(() => this.#asking.delete(key));
    this.#asking.set(key, question);
    const kept = await question;
    if (keep) this.#kept.set(hash, kept);
    return kept.answer;
  }

  async #send(token: string): Promise<Kept> {
    const asked = readClock(this.#clock);
    const { status, body } = await send(
      `${this.#settings.upstream}/oauth/introspect`,
      {
        method: "POST",
        headers: { authorization: this.#authorization, accept: "application/json" },
        body: new URLSearchParams({ token }),
      },
      LIMITS,
    );
    if (status !== 200) throw new HttpError(`the introspection was answered with status ${status}`);
    try {
      return { answer: readAnswer(body, asked), asked };
    } catch {
      throw new HttpError("the answer of the introspection is malformed");
    }
  }
}

function hashOf(token: string): string {
  return createHash("sha256").update(token).digest("base64url");
}

/** @throws Error if it is no answer as described. */
function readAnswer(body: Uint8Array, asked: Moment): ActiveToken | null {
  const answer = parseObject(body);
  if (answer.active === false) return null;
  const { token_type: tokenType, sub, client_id, aud, sid, jti, exp, auth_time, amr, roles, scope, username, pos } = answer;
  const isWellFormed =
    answer.active === true && typeof sub === "string" && sub !== "" && isName(client_id) && isId(sid) && isCount(exp) &&
    isCount(auth_time) && isStrings(amr) && isCount(pos) && (typeof aud === "string" || isStrings(aud)) &&
    (jti === undefined || isId(jti)) && (roles === undefined || isStrings(roles)) &&
    (scope === undefined || typeof scope === "string") && (username === undefined || typeof username === "string");
  if (!isWellFormed) throw new SyntaxError("malformed");
  // A refresh token is active until it is used, and must not open anything.
  if (tokenType !== "session" && tokenType !== "access") return null;
  const always = [`session:${sid}`, ...(jti === undefined ? [] : [`token:${jti}`])];
  const before = [`user:${sub}`, `client:${client_id}`, "everyone"];
  return { tokenType, claims: answer as unknown as IntrospectedClaims, query: { always, before, position: pos as number }, asked };
}
