// Verifies and signs tokens for the tests. Reads one JSON request a line and writes one JSON response a line.
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { createInterface } from "node:readline";

import * as jose from "jose";
import jwt from "jsonwebtoken";

import { verifier as withJose } from "./with-jose.mjs";
import { verifier as withJsonwebtoken } from "./with-jsonwebtoken.mjs";

const LIBRARIES = { jose: withJose, jsonwebtoken: withJsonwebtoken };

/** Verifies a token with the keys that its issuer publishes, or with a secret, and returns its claims. */
async function verify({ library, token, issuer, audience, alg, secret }) {
  if (secret === undefined) return LIBRARIES[library](issuer, audience, [alg])(token);
  const key = Buffer.from(secret, "base64url");
  const rules = { issuer, audience, algorithms: [alg] };
  if (library === "jsonwebtoken") return jwt.verify(token, key, rules);
  return (await jose.jwtVerify(token, key, { ...rules, typ: "at+jwt" })).payload;
}

/** Signs claims with a new key. Returns the token, and the key as a JWK, a PEM or a secret. */
async function sign({ library, alg, claims, kid }) {
  const header = { alg, typ: "at+jwt", kid };
  const secret = alg.startsWith("HS") ? randomBytes(Number(alg.slice(2)) / 8) : undefined;
  if (library === "jsonwebtoken") {
    const { privateKey, publicKey } = secret ? {} : generatePair(alg);
    const token = jwt.sign(claims, secret ?? privateKey, { algorithm: alg, header, noTimestamp: true });
    const pem = publicKey?.export({ type: "spki", format: "pem" });
    return { token, pem, secret: secret?.toString("base64url") };
  }
  const { privateKey, publicKey } = secret ? {} : await jose.generateKeyPair(alg, { extractable: true });
  const token = await new jose.SignJWT(claims).setProtectedHeader(header).sign(secret ?? privateKey);
  if (secret) return { token, secret: secret.toString("base64url") };
  const jwk = { ...(await jose.exportJWK(publicKey)), alg, kid, use: "sig" };
  return { token, jwk, pem: await jose.exportSPKI(publicKey), private: await jose.exportJWK(privateKey) };
}

/** Generates a key pair for `jsonwebtoken`. */
function generatePair(alg) {
  const curves = { ES256: "P-256", ES384: "P-384", ES512: "P-521" };
  if (curves[alg]) return generateKeyPairSync("ec", { namedCurve: curves[alg] });
  return generateKeyPairSync("rsa", { modulusLength: 2048 });
}

for await (const line of createInterface({ input: process.stdin })) {
  const { operation, ...request } = JSON.parse(line);
  try {
    console.log(JSON.stringify({ result: await { verify, sign }[operation](request) }));
  } catch (error) {
    console.log(JSON.stringify({ error: `${error.code ?? error.name}: ${error.message}` }));
  }
}
