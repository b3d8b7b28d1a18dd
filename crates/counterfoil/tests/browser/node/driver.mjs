// Runs requests in pages of Chromium. Each line of standard input is a JSON object {profile, origin, path, url, init}: the
// page at `origin`, in the cookie jar `profile`, calls fetch(url, init). Each line of standard output is the answer: {status,
// type, headers, body} with what the page may read, or {error} if fetch rejects. {profile, cookies: true} answers the cookies.
// {profile, origin, connection: {kind, url, logout}} opens a WebSocket or an EventSource, calls fetch(logout) when it is open, and
// answers how it ended. {journey, travellers: [{origin, script, ...}]}
// runs a function of journeys.mjs for each traveller at the same time, and answers what they find.
import { createInterface } from 'node:readline';
import { launch } from './chromium.mjs';
import { run } from './journeys.mjs';

const browser = await launch(process.argv[2]);
const profiles = new Map();
const pages = new Map();

async function contextOf(profile) {
  if (!profiles.has(profile)) profiles.set(profile, await browser.newContext());
  return profiles.get(profile);
}

async function pageOf(profile, origin) {
  const key = `${profile} ${origin}`;
  if (!pages.has(key)) {
    const page = await (await contextOf(profile)).newPage();
    await page.goto(`${origin}/`);
    pages.set(key, page);
  }
  return pages.get(key);
}

async function request({ url, init }) {
  try {
    const response = await fetch(url, init);
    const headers = Object.fromEntries(response.headers);
    return { status: response.status, type: response.type, headers, body: await response.text() };
  } catch (error) {
    return { error: error.name };
  }
}

async function connect({ kind, url, logout }) {
  const connection = kind === 'WebSocket' ? new WebSocket(url) : new EventSource(url, { withCredentials: true });
  connection.onopen = () => fetch(logout, { method: 'POST', credentials: 'include' });
  return new Promise((resolve) => {
    connection.onclose = ({ code, reason, wasClean }) => resolve({ code, reason, wasClean });
    if (kind === 'WebSocket') return;
    const end = ({ type, data }) => {
      connection.close();
      resolve({ type, data });
    };
    connection.addEventListener('session_ended', end);
    connection.onerror = end;
  });
}

for await (const line of createInterface({ input: process.stdin })) {
  const { profile, origin, cookies, connection, journey, travellers, ...call } = JSON.parse(line);
  const answer = journey
    ? (await Promise.all(travellers.map((options) => run(browser, journey, options)))).flat()
    : cookies
    ? (await (await contextOf(profile)).cookies()).map((cookie) => cookie.name)
    : connection
      ? await (await pageOf(profile, origin)).evaluate(connect, connection)
      : await (await pageOf(profile, origin)).evaluate(request, call);
  console.log(JSON.stringify(answer));
}
await browser.close();
