/** The header of a compact JWS (RFC 7515), read strictly. */

import { parseObject } from "./json.js";
import { isBase64url, isName } from "./text.js";

/** The longest token. Those of the issuer have some hundred bytes. */
const MAX_LENGTH = 8 * 1024;

/** What the header says. It only selects among keys, each of which is bound to one algorithm. */
export interface JwsHeader {
  readonly algorithm: string;
  readonly kid: string | undefined;
}

/**
 * Reads the header of a token of the type `type`. The members `jwk`, `jku` and `x5u` are never used.
 *
 * @throws Error if the token is not in compact serialization, is too long, or its header is not allowed.
 */
export function readHeader(token: string, allowed: ReadonlySet<string>, type: string): JwsHeader {
  if (token.length > MAX_LENGTH) throw new Error("longer than 8 KiB");
  const parts = token.split(".", 4);
  const [header = ""] = parts;
  if (parts.length !== 3 || !parts.every((part) => part !== "" && isBase64url(part))) throw new Error("no compact JWS");
  const { alg, typ, kid, crit, b64 } = parseObject(Buffer.from(header, "base64url"));
  if (typeof alg !== "string" || !allowed.has(alg)) throw new Error("the algorithm is not allowed");
  // A media type: without regard to case, with or without its prefix (RFC 7515, section 4.1.9).
  if (typeof typ !== "string" || typ.toLowerCase().replace(/^application\//, "") !== type) throw new Error("wrong `typ`");
  if (crit !== undefined || b64 !== undefined) throw new Error("`crit` and `b64` are not supported");
  if (kid !== undefined && !isName(kid)) throw new Error("malformed `kid`");
  return { algorithm: alg, kid };
}
