/** `@counterfoil/browser`: login, refresh and logout in web pages. */

export { AuthError } from "./auth-error.js";
export { Client, createClient } from "./client.js";
export type {
  AuditEventKind, Change, ClientOptions, LoginBody, Mode, OutReason, ProblemCode, SessionRow, State, User,
} from "./client.js";
