// Uses every mode with the types that openapi-typescript generates: logs in, refreshes, lists sessions, logs out.
import createClient from "openapi-fetch";

import type { components, paths } from "./schema.js";

declare const process: { argv: string[] };

type Problem = components["schemas"]["Problem"];
type Mode = components["schemas"]["Mode"];

const [, , baseUrl = "", username = "", password = ""] = process.argv;
const api = createClient<paths>({ baseUrl });

/** The data of an answer; an error of the server as an exception. */
function expectData<T>(answer: { data?: T; error?: Problem; response: Response }): T {
  if (answer.error) throw new Error(`${answer.error.status} ${answer.error.code}: ${answer.error.title}`);
  if (answer.data === undefined) throw new Error(`${answer.response.status} without data`);
  return answer.data;
}

const bearer = (token: string) => ({ headers: { authorization: `Bearer ${token}` } });

/** Logs in and returns the credential for requests, and the refresh token. */
async function login(mode: Mode): Promise<[string, string | undefined]> {
  const answer = expectData(await api.POST("/v1/login", { body: { username, password, mode } }));
  const token = mode === "session" ? answer.session_token : answer.access_token;
  if (!token || answer.expires_in <= 0 || answer.session.mode !== mode) throw new Error(JSON.stringify(answer));
  return [token, answer.refresh_token ?? undefined];
}

async function refresh(refresh_token: string): Promise<string> {
  const pair = expectData(await api.POST("/v1/refresh", { body: { refresh_token } }));
  if (!pair.access_token || pair.refresh_token === refresh_token) throw new Error("no new pair");
  return pair.access_token;
}

/** Uses a credential until it is logged out. */
async function use(token: string, mode: Mode): Promise<void> {
  const me = expectData(await api.GET("/v1/me", bearer(token)));
  const { sessions } = expectData(await api.GET("/v1/sessions", bearer(token)));
  const current = sessions.find((session) => session.current);
  if (me.user.username !== username || current?.id !== me.session.id || current.mode !== mode) {
    throw new Error(JSON.stringify({ me, sessions }));
  }
  const logout = await api.POST("/v1/logout", bearer(token));
  if (logout.response.status !== 204) throw new Error(`logout: ${logout.response.status}`);
  const { error } = await api.GET("/v1/me", bearer(token));
  if (error?.code !== "invalid_token") throw new Error(`after the logout: ${JSON.stringify(error)}`);
}

const modes: Mode[] = ["session", "jwt", "hybrid"];
for (const mode of modes) {
  const [token, refreshToken] = await login(mode);
  await use(refreshToken ? await refresh(refreshToken) : token, mode);
}
const { error } = await api.POST("/v1/login", { body: { username, password: "wrong horse battery" } });
console.log(JSON.stringify({ modes, error: error?.code }));
