/** The claims of an access token (RFC 9068), read strictly: each claim has one type, and a date is a whole number. */

import { parseObject } from "./json.js";
import { isCount, isId, isName, isStrings } from "./text.js";

/** The claims of a verified access token. Unknown claims are members, too. */
export interface AccessClaims {
  readonly iss: string;
  readonly aud: string | readonly string[];
  readonly sub: string;
  readonly client_id: string;
  readonly iat: number;
  readonly exp: number;
  readonly nbf?: number;
  readonly jti: string;
  readonly sid: string;
  readonly auth_time: number;
  readonly amr: readonly string[];
  readonly acr?: string;
  readonly scope?: string;
  readonly roles?: readonly string[];
  readonly preferred_username?: string;
  readonly external_id?: string | number;
  /** The head of the revocation log when the token was issued. */
  readonly pos: number;
  readonly [name: string]: unknown;
}

const isText = (value: unknown) => typeof value === "string";
const isAudience = (value: unknown) => isText(value) || (isStrings(value) && value.length > 0);
const isExternalId = (value: unknown) => isText(value) || Number.isSafeInteger(value);

const REQUIRED: Record<string, (value: unknown) => boolean> = {
  iss: isText, aud: isAudience, sub: (value) => isText(value) && value !== "", client_id: isName, iat: isCount, exp: isCount,
  jti: isId, sid: isId, auth_time: isCount, amr: isStrings, pos: isCount,
};

const OPTIONAL: Record<string, (value: unknown) => boolean> = {
  nbf: isCount, acr: isText, scope: isText, roles: isStrings, preferred_username: isText, external_id: isExternalId,
};

/**
 * Reads the payload of a token whose signature is valid.
 *
 * @throws Error if a claim is missing or has a wrong type.
 */
export function readClaims(payload: Uint8Array): AccessClaims {
  const claims = parseObject(payload);
  for (const [name, isValid] of Object.entries(REQUIRED)) check(name, Object.hasOwn(claims, name) && isValid(claims[name]));
  for (const [name, isValid] of Object.entries(OPTIONAL)) check(name, !Object.hasOwn(claims, name) || isValid(claims[name]));
  // A sender-constrained token (RFC 7800): its proof is not checked here.
  check("cnf", !Object.hasOwn(claims, "cnf"));
  return deepFreeze(claims) as AccessClaims;
}

function check(name: string, holds: boolean): void {
  if (!holds) throw new SyntaxError(`the claim \`${name}\` is missing or not allowed`);
}

/** A cached token is shared by requests: none of them may change what the others see. */
export function deepFreeze<T>(value: T): T {
  if (typeof value === "object" && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const member of Object.values(value)) deepFreeze(member);
  }
  return value;
}
