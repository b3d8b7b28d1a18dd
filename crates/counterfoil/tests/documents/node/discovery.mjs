// Reads the metadata of an issuer with `oauth4webapi`, verifies an access token with the keys that it names, and reads
// the challenge of a refused request. Arguments: the issuer, the URL of a protected resource, an access token.
import { webcrypto } from "node:crypto";

// Node 18 has no such global.
globalThis.crypto ??= webcrypto;
const oauth = await import("oauth4webapi");

const [, , issuer, resource, token] = process.argv;
const options = { [oauth.allowInsecureRequests]: true };

/** The error code in the challenge of a refused request. */
async function challenge(credential) {
  try {
    await oauth.protectedResourceRequest(credential, "GET", new URL(resource), undefined, undefined, options);
  } catch (error) {
    if (error instanceof oauth.WWWAuthenticateChallengeError) return error.cause;
    throw error;
  }
  return [];
}

const response = await oauth.discoveryRequest(new URL(issuer), { algorithm: "oauth2", ...options });
const metadata = await oauth.processDiscoveryResponse(new URL(issuer), response);
const request = new Request(resource, { headers: { authorization: `Bearer ${token}` } });
const claims = await oauth.validateJwtAccessToken(metadata, request, issuer, options);
console.log(JSON.stringify({
  path: new URL(response.url).pathname,
  metadata,
  claims,
  accepted: await challenge(token),
  refused: await challenge("cfs_unknown"),
}));
