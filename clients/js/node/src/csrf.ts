/** Refuses writes that a page of another site sends with the user's cookies (CSRF). */

import { header, type RequestLike } from "./credentials.js";
import { crossSite } from "./problem.js";

const SAFE = new Set(["GET", "HEAD", "OPTIONS"]);

/**
 * Checks a request that carries a cookie of the issuer, by what the browser says of the page:
 *
 * 1. A trusted `Origin` passes.
 * 2. `Sec-Fetch-Site`, if present, decides: `same-origin` and `none` pass.
 * 3. Everything else is refused, also a request without both headers.
 *
 * Safe methods pass, except the handshake of a WebSocket or an event stream: a page of another site could open one as the
 * user (RFC 6455, section 10.2).
 *
 * @throws Problem
 */
export function checkCsrf(request: RequestLike, origins: ReadonlySet<string>): void {
  const method = request.method ?? "GET";
  if (SAFE.has(method) && !isHandshake(method, request)) return;
  const origin = header(request, "origin");
  if (origin !== undefined && origins.has(origin)) return;
  const site = header(request, "sec-fetch-site");
  if (site === "same-origin" || site === "none") return;
  if (site === undefined && origin === undefined) throw crossSite("a request with a cookie needs the header `Origin`");
  throw crossSite("the request comes from a page of another site; `origins` must list its origin to allow it");
}

function isHandshake(method: string, request: RequestLike): boolean {
  if (method !== "GET") return false;
  return lists(header(request, "upgrade"), "websocket") || lists(header(request, "accept"), "text/event-stream");
}

/** Whether a header lists this element, with or without a version or parameters after it. */
function lists(line: string | undefined, element: string): boolean {
  return (line ?? "").toLowerCase().split(",").some((found) => {
    const text = found.trim();
    return text.startsWith(element) && !/^[a-z0-9]/.test(text.slice(element.length));
  });
}
