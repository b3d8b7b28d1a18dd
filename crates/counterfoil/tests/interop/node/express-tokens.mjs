// Express: verifies access tokens with `jose`.
import { createRemoteJWKSet, errors, jwtVerify } from "jose";

/** Returns middleware: 401 without a valid access token of `issuer` for `audience`; otherwise `req.user` has its claims. */
export function authenticateToken(issuer, audience = issuer) {
  const keys = createRemoteJWKSet(new URL(`${issuer}/.well-known/jwks.json`));
  const rules = { issuer, audience, algorithms: ["ES256"], typ: "at+jwt", requiredClaims: ["exp", "sub"] };
  return async (req, res, next) => {
    const [scheme, token] = (req.get("authorization") ?? "").split(" ");
    if (scheme.toLowerCase() !== "bearer" || !token) {
      return res.status(401).set("WWW-Authenticate", "Bearer").json({ error: "an access token is required" });
    }
    try {
      req.user = (await jwtVerify(token, keys, rules)).payload;
    } catch (error) {
      // The keys could not be fetched: the token may be valid.
      const isUnavailable =
        !(error instanceof errors.JOSEError) || ["ERR_JOSE_GENERIC", "ERR_JWKS_TIMEOUT"].includes(error.code);
      if (isUnavailable) return res.status(503).set("Retry-After", "1").json({ error: "try again later" });
      const challenge = 'Bearer error="invalid_token"';
      return res.status(401).set("WWW-Authenticate", challenge).json({ error: "the access token is invalid" });
    }
    next();
  };
}
