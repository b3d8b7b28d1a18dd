// A cookie jar of tough-cookie that keeps the rules of browsers for prefixes. Reads steps as a JSON array from standard
// input: the `Set-Cookie` lines of a response from `url`. Prints after each step which cookies it sends where.
import { CookieJar } from "tough-cookie";

const chunks = [];
for await (const chunk of process.stdin) chunks.push(chunk);
const { steps, requests } = JSON.parse(Buffer.concat(chunks).toString());
const jar = new CookieJar(undefined, { prefixSecurity: "strict", rejectPublicSuffixes: true });

const sent = [];
for (const { url, lines } of steps) {
  for (const line of lines) {
    const cookie = await jar.setCookie(line, url);
    if (!cookie || !cookie.httpOnly || !cookie.sameSite) throw new Error(`not stored as it is meant: ${line}`);
  }
  const names = async (request) => (await jar.getCookies(request)).map((cookie) => cookie.key).sort();
  sent.push(await Promise.all(requests.map(names)));
}
console.log(JSON.stringify(sent));
