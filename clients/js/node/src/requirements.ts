/** What a route requires of its caller. */

import type { Auth } from "./auth.js";
import { credentialRequired, forbidden, insufficientScope, misconfigured, type Problem } from "./problem.js";

/** What a route requires. */
export interface Requirements {
  /** One of these roles. */
  readonly role?: string | readonly string[];
  /** All of these scopes. */
  readonly scope?: string | readonly string[];
  /** The longest time since the user authenticated, in seconds. An older login counts as none. */
  readonly maxAge?: number;
}

/** Why the caller may not use the route, or `undefined`. `auth` is `undefined` if nothing has authenticated the request. */
export function missingRequirement(auth: Auth | null | undefined, required: Requirements = {}): Problem | undefined {
  if (auth === undefined) return misconfigured();
  if (auth === null) return credentialRequired();
  const { role, scope, maxAge } = required;
  if (maxAge !== undefined && !(Date.now() / 1000 - auth.authTime <= maxAge)) {
    return credentialRequired("a more recent login is required");
  }
  if (role !== undefined && !list(role).some((name) => auth.hasRole(name))) return forbidden("a role is required");
  const missing = scope === undefined ? undefined : list(scope).find((name) => !auth.hasScope(name));
  return missing === undefined ? undefined : insufficientScope(missing);
}

function list(value: string | readonly string[]): readonly string[] {
  return typeof value === "string" ? [value] : value;
}
