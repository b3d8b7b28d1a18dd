/** Verifies the `Remote-Assertion` that forward authentication adds to the requests of a proxy. */

import { compactVerify } from "jose";

import { Auth, type AuthParts } from "./auth.js";
import { deepFreeze } from "./claims.js";
import type { IssuerClock } from "./clock.js";
import { header, type RequestLike } from "./credentials.js";
import { readHeader } from "./jws-header.js";
import { parseObject } from "./json.js";
import type { KeyStore } from "./key-store.js";
import type { Settings } from "./options.js";
import { invalidToken, unavailable } from "./problem.js";
import type { RevocationQuery } from "./revocations.js";
import { isCount, isId, isName, isStrings } from "./text.js";

/** The longest lifetime, in seconds. */
const MAX_LIFETIME = 60;

/** For the difference of two clocks, in seconds. */
const LEEWAY = 30;

/**
 * By what an assertion can be revoked. The position is that of the credential from which the proxy's question was answered; an issuer
 * of an earlier version does not sign it.
 */
type AssertionQuery = Omit<RevocationQuery, "position"> & { readonly position: number | undefined };

type Accept = (query: AssertionQuery, parts: AuthParts, request: RequestLike) => Auth;

/** Returns a function that authenticates by the assertion; `null` if the header is missing or empty. */
export function forwardedVerifier(
  settings: Settings,
  keys: KeyStore,
  clock: IssuerClock,
  audience: string,
  accept: Accept,
): (request: RequestLike) => Promise<Auth | null> {
  return async (request) => {
    const token = header(request, "remote-assertion");
    if (!token) return null;
    try {
      const { algorithm, kid } = readHeader(token, settings.algorithms, "forward+jwt");
      const key = await keys.find(algorithm, kid).catch((error: unknown) => Promise.reject(unavailable(error)));
      if (!key) throw new Error("the key is unknown");
      const { payload } = await compactVerify(token, key.key, { algorithms: [key.algorithm] });
      const { parts, position } = readAssertion(parseObject(payload), settings.issuer, audience, clock.now());
      const always = [`session:${parts.sessionId}`, `key:${key.kid}`];
      const before = [`user:${parts.subject}`, ...(parts.clientId === null ? [] : [`client:${parts.clientId}`]), "everyone"];
      return accept({ always, before, position }, parts, request);
    } catch (error) {
      throw error instanceof Error && error.name === "Problem" ? error : invalidToken(error);
    }
  };
}

interface Assertion {
  readonly parts: AuthParts;
  readonly position: number | undefined;
}

function readAssertion(claims: Record<string, unknown>, issuer: string, audience: string, now: number): Assertion {
  const { iss, aud, sub, sid, client_id, pos, iat, exp, auth_time, amr, username, roles, external_id, scope } = claims;
  const isWellFormed =
    typeof sub === "string" && sub !== "" && isId(sid) && isCount(iat) && isCount(exp) && isCount(auth_time) && isStrings(amr) &&
    (roles === undefined || isStrings(roles)) && (scope === undefined || typeof scope === "string") &&
    (client_id === undefined || isName(client_id)) && (pos === undefined || isCount(pos));
  if (!isWellFormed || iss !== issuer || aud !== audience) throw new Error("malformed, of another issuer or for another audience");
  const isInTime = exp >= iat && exp - iat <= MAX_LIFETIME && now < exp + LEEWAY && iat <= now + LEEWAY;
  if (!isInTime) throw new Error("expired, or not valid yet");
  const parts: AuthParts = deepFreeze({
    kind: "forwarded",
    subject: sub,
    externalId: typeof external_id === "string" || typeof external_id === "number" ? external_id : null,
    username: typeof username === "string" ? username : null,
    sessionId: sid,
    clientId: client_id ?? null,
    roles: roles ?? [],
    scopes: (scope ?? "").split(" ").filter((name) => name !== ""),
    authTime: auth_time,
    amr,
    expiresAt: exp,
    claims,
  });
  return { parts, position: pos };
}
