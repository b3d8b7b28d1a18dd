/** The forms of ids and credentials. Only the canonical text is accepted, so that one credential has one text. */

/** Base64url of 16 bytes: the last character has four bits that must be zero. */
const ID = /^[A-Za-z0-9_-]{21}[AQgw]$/;

/** `cfs_<session>.<secret>`, with a secret of 32 bytes. */
const SESSION_TOKEN = /^cfs_[A-Za-z0-9_-]{21}[AQgw]\.[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/;

const VERIFIER_KEY = /^cfv_[A-Za-z0-9_-]{1,64}\.[A-Za-z0-9_-]{43}$/;

const VISIBLE = /^[!-~]{1,128}$/;

const BASE64URL = /^[A-Za-z0-9_-]*$/;

/** The characters that may end a base64url text of `length % 4` characters: their unused bits are zero. */
const LAST: Record<number, RegExp> = { 2: /[AQgw]$/, 3: /[AEIMQUYcgkosw048]$/ };

export function isId(value: unknown): value is string {
  return typeof value === "string" && ID.test(value);
}

/** The id of a client application or of a key. */
export function isName(value: unknown): value is string {
  return typeof value === "string" && VISIBLE.test(value);
}

export function isSessionToken(text: string): boolean {
  return SESSION_TOKEN.test(text);
}

export function isVerifierKey(text: string): boolean {
  return VERIFIER_KEY.test(text);
}

/** Whether the text is base64url without padding, with all unused bits zero (RFC 7515, section 2). */
export function isBase64url(text: string): boolean {
  const rest = text.length % 4;
  return rest !== 1 && BASE64URL.test(text) && (LAST[rest]?.test(text) ?? true);
}

/** Whether the value is a whole number from zero to 2^53 - 1, which JavaScript represents exactly. */
export function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

export function isStrings(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((element) => typeof element === "string");
}
