// Verifies access tokens with `jsonwebtoken`, and gets the keys with `jwks-rsa`.
import { promisify } from "node:util";

import jwt from "jsonwebtoken";
import jwksRsa from "jwks-rsa";

const verify = promisify(jwt.verify);

/** What verifies tokens of `issuer` for `audience`, signed with one of `algorithms`. Make it once. */
export function verifier(issuer, audience, algorithms) {
  const keys = jwksRsa({ jwksUri: `${issuer}/.well-known/jwks.json`, cache: true, rateLimit: true });
  const keyOf = (header, done) =>
    keys.getSigningKey(header.kid, (error, key) => done(error, key?.getPublicKey()));
  return async (token) => {
    const { header, payload } = await verify(token, keyOf, { issuer, audience, algorithms, complete: true });
    // The library does not look at it: without this line, a token of another kind would pass.
    if (header.typ !== "at+jwt") throw new Error("not an access token");
    if (payload.exp === undefined) throw new Error("without an end");
    return payload;
  };
}
