// Express: passes requests on to Counterfoil, so that pages log in at the application's own address.
import express from "express";

/** What Counterfoil reads. Without `origin` and `sec-fetch-site`, it cannot see which site a request comes from. */
const REQUEST = ["authorization", "content-type", "cookie", "origin", "sec-fetch-site", "user-agent", "if-match"];

/** What clients read. `set-cookie` is copied separately, because there can be several. */
const RESPONSE = [
  "cache-control", "clear-site-data", "content-type", "etag", "retry-after", "www-authenticate", "x-request-id",
];

/** Returns a handler that sends each request to `path` of the issuer, and the answer back as it is. */
export function relay(issuer, path) {
  const readBody = express.raw({ type: () => true, limit: "64kb" });
  const handle = async (req, res) => {
    const headers = {};
    for (const name of REQUEST) if (req.get(name) !== undefined) headers[name] = req.get(name);
    // Counterfoil counts failed logins by the last address that `trusted_proxies` does not contain.
    headers["x-forwarded-for"] = [req.get("x-forwarded-for"), req.socket.remoteAddress].filter(Boolean).join(", ");
    const body = req.body?.length ? req.body : undefined;
    let answer;
    try {
      answer = await fetch(issuer + path, { method: req.method, headers, body, redirect: "manual" });
    } catch {
      return res.status(503).set("Retry-After", "1").json({ error: "try again later" });
    }
    res.status(answer.status);
    for (const name of RESPONSE) if (answer.headers.has(name)) res.set(name, answer.headers.get(name));
    for (const cookie of answer.headers.getSetCookie()) res.append("Set-Cookie", cookie);
    res.send(Buffer.from(await answer.arrayBuffer()));
  };
  return [readBody, handle];
}
