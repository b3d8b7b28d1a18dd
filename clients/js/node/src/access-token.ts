/** Verifies access tokens: the signature once, everything else at each use. */

import { compactVerify } from "jose";

import { BoundedMap } from "./cache.js";
import { type AccessClaims, readClaims } from "./claims.js";
import type { IssuerClock } from "./clock.js";
import { readHeader } from "./jws-header.js";
import type { KeyStore } from "./key-store.js";
import type { VerifyingKey } from "./keys.js";
import type { Settings } from "./options.js";
import { invalidToken, unavailable } from "./problem.js";
import type { RevocationQuery } from "./revocations.js";

/** For the difference of two clocks, in seconds. Revocations are kept for this much longer than tokens live. */
export const LEEWAY = 60;

/** A token whose signature and claims are valid. The times must be checked at each use. */
export interface VerifiedToken {
  readonly claims: AccessClaims;
  readonly query: RevocationQuery;
  readonly key: VerifyingKey;
}

export class AccessTokenVerifier {
  readonly #settings: Settings;
  readonly #keys: KeyStore;
  readonly #clock: IssuerClock;
  readonly #cache: BoundedMap<VerifiedToken>;

  constructor(settings: Settings, keys: KeyStore, clock: IssuerClock) {
    this.#settings = settings;
    this.#keys = keys;
    this.#clock = clock;
    this.#cache = new BoundedMap(settings.cacheSize);
  }

  /** A token whose signature was verified before, by a key that is still one of the issuer's. */
  cached(token: string): VerifiedToken | undefined {
    const verified = this.#cache.get(token);
    return verified && this.#keys.isCurrent(verified.key) ? verified : undefined;
  }

  /**
   * Verifies the signature and reads the claims.
   *
   * @throws Problem
   */
  async verify(token: string): Promise<VerifiedToken> {
    let verified: VerifiedToken;
    try {
      verified = await this.#verify(token);
    } catch (error) {
      throw error instanceof NoKeys ? unavailable(error.cause) : invalidToken(error);
    }
    this.checkTimes(verified);
    this.#cache.set(token, verified);
    return verified;
  }

  /** Checks the times, by the clock of this moment. */
  checkTimes(verified: VerifiedToken): void {
    if (this.isExpired(verified)) throw invalidToken(new Error("expired"));
    const { claims } = verified;
    const now = this.#clock.now();
    if (Math.max(claims.iat, claims.nbf ?? 0) > now + LEEWAY) throw invalidToken(new Error("not valid yet"));
  }

  isExpired({ claims }: VerifiedToken): boolean {
    return this.#clock.now() >= claims.exp + LEEWAY;
  }

  async #verify(token: string): Promise<VerifiedToken> {
    const { algorithm, kid } = readHeader(token, this.#settings.algorithms, "at+jwt");
    const key = await this.#keys.find(algorithm, kid).catch((error: unknown) => {
      throw new NoKeys("no keys", { cause: error });
    });
    if (!key) throw new Error("the key is unknown");
    const { payload } = await compactVerify(token, key.key, { algorithms: [key.algorithm] });
    // No claim is read before this line.
    const claims = readClaims(payload);
    this.#checkIssuance(claims);
    return { claims, query: queryOf(claims, key.kid), key };
  }

  #checkIssuance({ iss, aud, iat, exp }: AccessClaims): void {
    if (iss !== this.#settings.issuer) throw new Error("of another issuer");
    const audiences = typeof aud === "string" ? [aud] : aud;
    if (!audiences.some((name) => this.#settings.audiences.includes(name))) throw new Error("for another audience");
    if (exp < iat || exp - iat > this.#settings.maxTokenLifetime) throw new Error("the lifetime is not allowed");
  }
}

class NoKeys extends Error {}

function queryOf({ sid, jti, sub, client_id, pos }: AccessClaims, kid: string): RevocationQuery {
  return {
    always: [`session:${sid}`, `token:${jti}`, `key:${kid}`],
    before: [`user:${sub}`, `client:${client_id}`, "everyone"],
    position: pos,
  };
}
