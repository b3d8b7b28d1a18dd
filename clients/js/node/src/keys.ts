/** The public keys of the issuer: one algorithm is bound to each key, and a token never chooses it. */

import { importJWK, type CryptoKey, type JWK } from "jose";

import { isBase64url, isName } from "./text.js";

const MAX_KEYS = 100;

/** The algorithms of elliptic curves: the curve decides. */
const BY_CURVE: Record<string, string> = { "P-256": "ES256", "P-384": "ES384", "P-521": "ES512", Ed25519: "EdDSA" };

/** A key with its only algorithm. */
export interface VerifyingKey {
  readonly kid: string;
  readonly algorithm: string;
  readonly key: CryptoKey;
}

/** The keys of one JWK set that verify an allowed algorithm. */
export class KeySet {
  readonly #keys: ReadonlyMap<string, VerifyingKey>;

  private constructor(keys: ReadonlyMap<string, VerifyingKey>) {
    this.#keys = keys;
  }

  /**
   * Reads a JWK set (RFC 7517, section 5). What cannot be used is left out: keys of other types and for other uses, keys
   * without an id, because no revocation could name them, and two different keys with one id.
   */
  static async read(set: Record<string, unknown>, allowed: ReadonlySet<string>): Promise<KeySet> {
    const { keys: list } = set;
    if (!Array.isArray(list)) throw new SyntaxError("the key set has no list `keys`");
    if (list.length > MAX_KEYS) throw new SyntaxError(`the key set has more than ${MAX_KEYS} keys`);
    const keys = new Map<string, VerifyingKey>();
    const repeated = new Set<string>();
    for (const jwk of list) {
      const key = await readKey(jwk, allowed).catch(() => undefined);
      if (!key) continue;
      const known = keys.has(key.kid);
      if (known) repeated.add(key.kid);
      keys.set(key.kid, key);
    }
    for (const kid of repeated) keys.delete(kid);
    return new KeySet(keys);
  }

  get size(): number {
    return this.#keys.size;
  }

  /** The key with this id, or, without an id, the only key for the algorithm. It verifies no other algorithm. */
  find(algorithm: string, kid: string | undefined): VerifyingKey | undefined {
    if (kid !== undefined) {
      const key = this.#keys.get(kid);
      return key?.algorithm === algorithm ? key : undefined;
    }
    const fitting = [...this.#keys.values()].filter((key) => key.algorithm === algorithm);
    return fitting.length === 1 ? fitting[0] : undefined;
  }
}

async function readKey(value: unknown, allowed: ReadonlySet<string>): Promise<VerifyingKey | undefined> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  const jwk = value as Record<string, unknown>;
  const { kid, use, key_ops: operations } = jwk;
  if (!isName(kid) || (use !== undefined && use !== "sig")) return undefined;
  if (operations !== undefined && !(Array.isArray(operations) && operations.includes("verify"))) return undefined;
  const algorithm = algorithmOf(jwk, allowed);
  const parts = publicParts(jwk);
  if (algorithm === undefined || parts === undefined) return undefined;
  const key = await importJWK(parts, algorithm);
  return key instanceof Uint8Array ? undefined : { kid, algorithm, key };
}

/** The algorithm that the key names, or the only allowed one that fits its type. */
function algorithmOf({ kty, crv, alg }: Record<string, unknown>, allowed: ReadonlySet<string>): string | undefined {
  // An issuer may write the name of RFC 9864.
  const named = alg === "Ed25519" ? "EdDSA" : alg;
  const fits = (name: string) =>
    kty === "RSA" ? /^[RP]S/.test(name) : (kty === "EC" || kty === "OKP") && BY_CURVE[String(crv)] === name;
  const candidates = [...allowed].filter(fits).filter((name) => named === undefined || name === named);
  return candidates.length === 1 ? candidates[0] : undefined;
}

/** The members of a public key, and no other: never a private part, never a shared secret. */
function publicParts(jwk: Record<string, unknown>): JWK | undefined {
  const names = jwk.kty === "RSA" ? ["n", "e"] : jwk.kty === "EC" ? ["crv", "x", "y"] : ["crv", "x"];
  const parts: Record<string, string> = { kty: String(jwk.kty) };
  for (const name of names) {
    const value = jwk[name];
    if (typeof value !== "string" || (name !== "crv" && !isBase64url(value))) return undefined;
    parts[name] = value;
  }
  return parts;
}
