// Verifies access tokens with `jsonwebtoken`, and fetches the keys with `jwks-rsa`.
import { promisify } from "node:util";

import jwt from "jsonwebtoken";
import jwksRsa from "jwks-rsa";

const verify = promisify(jwt.verify);

/** Returns a verifier for tokens of `issuer` for `audience`, signed with one of `algorithms`. Create it once. */
export function verifier(issuer, audience, algorithms) {
  const keys = jwksRsa({ jwksUri: `${issuer}/.well-known/jwks.json`, cache: true, rateLimit: true });
  const getKey = (header, done) =>
    keys.getSigningKey(header.kid, (error, key) => done(error, key?.getPublicKey()));
  return async (token) => {
    const { header, payload } = await verify(token, getKey, { issuer, audience, algorithms, complete: true });
    // The library does not check `typ`: without this line it would accept tokens of another type.
    if (header.typ !== "at+jwt") throw new Error("not an access token");
    if (payload.exp === undefined) throw new Error("no exp claim");
    return payload;
  };
}
