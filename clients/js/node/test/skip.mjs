// Skips tests that need what this machine does not have, in a way that CI can refuse.
import { appendFileSync } from "node:fs";

/**
 * The option `skip` of a test: `false` if `isThere`, else the reason, which is also appended to the file that
 * `COUNTERFOIL_SKIP_LIST` names. With `COUNTERFOIL_REQUIRE=all` it throws.
 */
export function skipUnless(isThere, what, reason) {
  if (isThere) return false;
  if (process.env.COUNTERFOIL_REQUIRE === "all") throw new Error(`COUNTERFOIL_REQUIRE=all, but ${what} is skipped: ${reason}`);
  const line = `skipped: ${what}: ${reason}`;
  console.log(line);
  if (process.env.COUNTERFOIL_SKIP_LIST) appendFileSync(process.env.COUNTERFOIL_SKIP_LIST, `${line}\n`);
  return reason;
}
