// Express: asks Counterfoil whose session a cookie or a bearer token is.

/** Returns middleware: 401 without a valid credential; otherwise `req.auth` is `{ user, session }`. */
export function requireSession(issuer) {
  return async (req, res, next) => {
    const headers = {};
    for (const name of ["authorization", "cookie"]) if (req.get(name)) headers[name] = req.get(name);
    let answer;
    try {
      answer = await fetch(`${issuer}/v1/me`, { headers, signal: AbortSignal.timeout(3000) });
    } catch {
      answer = { status: 503 };
    }
    if (answer.status === 401 || answer.status === 400) {
      return res.status(401).set("WWW-Authenticate", "Bearer").json({ error: "log in first" });
    }
    // Refuses if it cannot ask. A service that lets requests pass then has no protection in an outage.
    if (answer.status !== 200) return res.status(503).set("Retry-After", "1").json({ error: "try again later" });
    req.auth = await answer.json();
    next();
  };
}

/** Returns middleware that refuses writes which a page of another site sends with the user's cookies. */
export function refuseCrossSite(origin) {
  return (req, res, next) => {
    if (["GET", "HEAD", "OPTIONS"].includes(req.method)) return next();
    const site = req.get("sec-fetch-site");
    const isOwn = site ? ["same-origin", "none"].includes(site) : req.get("origin") === origin || !req.get("cookie");
    if (!isOwn) return res.status(403).json({ error: "the request comes from another site" });
    next();
  };
}
