/** `@counterfoil/node`: authenticates the requests of an application with the credentials of a Counterfoil issuer. */

export { Auth, type AuthParts, type CredentialKind } from "./auth.js";
export type { AccessClaims } from "./claims.js";
export { type Authenticator, Counterfoil, counterfoil } from "./counterfoil.js";
export type { AuditEventKind, ProblemCode } from "./contract.js";
export type { RequestLike } from "./credentials.js";
export { CredentialEnd, type EndReason } from "./endings.js";
export type { Freshness } from "./feed.js";
export type { IssuerRequest, IssuerResponse, LoginBody, LoginResult } from "./issuer.js";
export type { Algorithm, Options, StalePolicy } from "./options.js";
export { type FieldError, Problem } from "./problem.js";
export type { RelayHandler } from "./relay.js";
export { missingRequirement, type Requirements } from "./requirements.js";
