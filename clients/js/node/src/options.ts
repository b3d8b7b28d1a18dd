/** The options of `counterfoil()`, and what is read from them once. */

import { type Clock, systemClock } from "./clock.js";
import { isVerifierKey } from "./text.js";

/** The algorithms that an issuer signs with. A shared secret (HS256) cannot be used: who can verify could also sign. */
export type Algorithm = "ES256" | "ES384" | "ES512" | "EdDSA" | "RS256" | "RS384" | "RS512" | "PS256" | "PS384" | "PS512";

const ALGORITHMS = "ES256 ES384 ES512 EdDSA RS256 RS384 RS512 PS256 PS384 PS512".split(" ");

/** What happens to a valid credential while the revocations are stale. */
export type StalePolicy = "deny" | "introspect";

/** The options of `counterfoil()`. */
export interface Options {
  /** The issuer, byte for byte as configured there: `https://auth.example`. Plain HTTP only on loopback. */
  issuer: string;
  /** The audiences of this application; a token must be for one of them. The issuer itself for tokens without a requested audience. */
  audience: string | readonly string[];
  /** The algorithms with which the issuer signs. A token never chooses. */
  algorithms: readonly Algorithm[];
  /** Lets the application follow the revocation feed and introspect: from `counterfoil verifier add`. */
  verifierKey?: string;
  /** The origins of the application's pages, from which a browser may write: `https://shop.example`. */
  origins?: readonly string[];
  /** Where this process reaches the issuer; by default at the URL of the issuer. Plain HTTP only on loopback. */
  upstream?: string;
  /** For a valid credential while the revocations are stale: `"deny"` (503, the default), or `"introspect"` (asks the issuer). */
  stale?: StalePolicy;
  /**
   * Accepts credentials for this many milliseconds after the lease has ended: a revoked one, too, while this process is cut
   * off from its issuer. The setting `feed.max_stale` of the issuer must allow it.
   */
  dangerAcceptStaleMs?: number;
  /** `false`: no feed and no cache; each credential is introspected. For runtimes without background work. */
  follow?: boolean;
  /** The longest accepted lifetime of an access token in seconds; 3,600 by default. */
  maxTokenLifetime?: number;
  /** How many verified tokens are cached; 10,000 by default. */
  cacheSize?: number;
  /** How many revocations are kept; 1,000,000 by default. Beyond it the revocations count as stale. */
  maxRevocations?: number;
  /** Takes lines for the operator. By default a warning of the process. */
  log?: (line: string) => void;
  /** For tests. */
  clock?: Clock;
}

/** The options with all defaults. */
export interface Settings {
  issuer: string;
  upstream: string;
  audiences: readonly string[];
  algorithms: ReadonlySet<string>;
  origins: ReadonlySet<string>;
  stale: StalePolicy;
  acceptStaleMs: number;
  follow: boolean;
  maxTokenLifetime: number;
  cacheSize: number;
  maxRevocations: number;
  log: (line: string) => void;
  clock: Clock;
}

/** Reads the options. `verifierKey` is left out: only the client that sends it keeps it. */
export function readOptions(options: Options): Settings {
  const { issuer, audience, algorithms, verifierKey, origins = [], upstream = issuer, stale = "deny" } = options;
  checkServer("issuer", issuer);
  checkServer("upstream", upstream);
  const audiences = typeof audience === "string" ? [audience] : [...(audience ?? [])];
  if (audiences.length === 0 || audiences.some((name) => typeof name !== "string" || name === "")) {
    throw new TypeError("`audience` must be the URL of this application as the issuer knows it, or a list of them");
  }
  if (!Array.isArray(algorithms) || algorithms.length === 0 || !algorithms.every((name) => ALGORITHMS.includes(name))) {
    throw new TypeError(`\`algorithms\` must be a list of ${ALGORITHMS.join(", ")}`);
  }
  if (verifierKey !== undefined && !isVerifierKey(verifierKey)) {
    throw new TypeError("`verifierKey` must be the text that `counterfoil verifier add` prints");
  }
  for (const origin of origins) checkOrigin(origin);
  if (stale !== "deny" && stale !== "introspect") throw new TypeError('`stale` must be "deny" or "introspect"');
  return {
    issuer,
    upstream,
    audiences,
    algorithms: new Set(algorithms),
    origins: new Set(origins),
    stale,
    acceptStaleMs: atLeast("dangerAcceptStaleMs", options.dangerAcceptStaleMs ?? 0, 0),
    follow: options.follow ?? true,
    maxTokenLifetime: atLeast("maxTokenLifetime", options.maxTokenLifetime ?? 3600, 1),
    cacheSize: atLeast("cacheSize", options.cacheSize ?? 10_000, 1),
    maxRevocations: atLeast("maxRevocations", options.maxRevocations ?? 1_000_000, 1),
    log: options.log ?? ((line) => process.emitWarning(line, "CounterfoilWarning")),
    clock: options.clock ?? systemClock,
  };
}

/** Credentials and keys travel to this URL, so it must be https, or stay on this machine. */
function checkServer(name: string, text: unknown): void {
  const wrong = (what: string) => new TypeError(`\`${name}\` ${what}`);
  if (typeof text !== "string" || !URL.canParse(text)) throw wrong("must be a URL such as https://auth.example");
  const url = new URL(text);
  if (url.protocol !== "https:" && !(url.protocol === "http:" && isLoopback(url.hostname))) {
    throw wrong("must be an https URL; plain HTTP is accepted on loopback only");
  }
  if (url.username || url.password || text.includes("?") || text.includes("#")) {
    throw wrong("must not have a user name, a query or a fragment");
  }
  if (text.endsWith("/")) throw wrong("must not end with a slash");
}

export function isLoopback(hostname: string): boolean {
  return (
    hostname === "localhost" || hostname.endsWith(".localhost") || hostname === "[::1]" ||
    /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(hostname)
  );
}

/** An origin that no browser sends would have no effect. */
function checkOrigin(origin: unknown): void {
  const isSent =
    typeof origin === "string" && /^[a-z][a-z0-9+.-]*:\/\/[^/?#@\s]+$/.test(origin) &&
    (!/^https?:/.test(origin) || (URL.canParse(origin) && new URL(origin).origin === origin));
  if (!isSent) throw new TypeError("`origins` must be origins as browsers send them, such as https://shop.example");
}

function atLeast(name: string, value: number, least: number): number {
  if (!Number.isSafeInteger(value) || value < least) throw new TypeError(`\`${name}\` must be a whole number from ${least}`);
  return value;
}
