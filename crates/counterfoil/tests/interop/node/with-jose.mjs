// Verifies access tokens with `jose`: https://www.npmjs.com/package/jose
import { createRemoteJWKSet, jwtVerify } from "jose";

/** Returns a verifier for tokens of `issuer` for `audience`, signed with one of `algorithms`. Create it once. */
export function verifier(issuer, audience, algorithms) {
  const keys = createRemoteJWKSet(new URL(`${issuer}/.well-known/jwks.json`));
  return async (token) => {
    const rules = { issuer, audience, algorithms, typ: "at+jwt", requiredClaims: ["exp", "sub"] };
    const { payload } = await jwtVerify(token, keys, rules);
    return payload;
  };
}
