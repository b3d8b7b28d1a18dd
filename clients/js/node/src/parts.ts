/** What a verified token and an introspected session say of the caller. */

import type { AuthParts } from "./auth.js";
import { type AccessClaims, deepFreeze } from "./claims.js";
import type { IntrospectedClaims } from "./introspection.js";

/** Those of a cached token are built once. */
const known = new WeakMap<AccessClaims, AuthParts>();

export function accessParts(claims: AccessClaims): AuthParts {
  let parts = known.get(claims);
  if (!parts) {
    parts = { kind: "access", username: claims.preferred_username ?? null, ...shared(claims) };
    known.set(claims, parts);
  }
  return parts;
}

export function sessionParts(claims: IntrospectedClaims): AuthParts {
  return { kind: "session", username: claims.username ?? null, ...shared(claims) };
}

function shared(claims: AccessClaims | IntrospectedClaims): Omit<AuthParts, "kind" | "username"> {
  return deepFreeze({
    subject: claims.sub,
    externalId: claims.external_id ?? null,
    sessionId: claims.sid,
    clientId: claims.client_id,
    roles: claims.roles ?? [],
    scopes: (claims.scope ?? "").split(" ").filter((scope) => scope !== ""),
    authTime: claims.auth_time,
    amr: claims.amr,
    expiresAt: claims.exp,
    claims,
  });
}
