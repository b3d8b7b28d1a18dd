// The time from the response of a logout until the first refusal, with everything on loopback.
// `cargo xtask bench node`
import { setImmediate } from "node:timers/promises";

import { counterfoil } from "@counterfoil/node";

import { startIssuer } from "../node/test/server.mjs";

const LOGOUTS = 300;

const issuer = await startIssuer({
  COUNTERFOIL_LOGIN_RATE_LIMIT_SUCCESSES_PER_ACCOUNT_AND_IP: "off",
  COUNTERFOIL_LOGIN_RATE_LIMIT_SUCCESSES_PER_IP: "off",
  COUNTERFOIL_MAX_SESSIONS: String(LOGOUTS + 1),
});
await issuer.register("ada");
const auth = counterfoil({ issuer: issuer.url, audience: issuer.url, algorithms: ["ES256"], verifierKey: await issuer.verifierKey() });
await auth.ready();

const times = [];
for (let count = 0; count < LOGOUTS; count++) {
  const { access_token: token } = await issuer.login("ada", { mode: "jwt" });
  await auth.verify(token);
  await issuer.logout(token);
  const answered = performance.now();
  const isAccepted = () => auth.verify(token).then(() => true, () => false);
  while (await isAccepted()) await setImmediate();
  times.push(performance.now() - answered);
}
times.sort((one, two) => one - two);
const percentile = (part) => times[Math.min(Math.floor(LOGOUTS * part), LOGOUTS - 1)].toFixed(1);
console.log(`${LOGOUTS} logouts: p50 ${percentile(0.5)} ms, p99 ${percentile(0.99)} ms, longest ${percentile(1)} ms`);
auth.close();
await issuer.close();
