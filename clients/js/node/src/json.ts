/** Strict JSON: one object, no duplicate members, no `__proto__`. */

const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Parses one JSON object in UTF-8.
 *
 * A duplicate member is refused, because two parsers could see two values. `__proto__` is refused, because code that
 * copies members by assignment would change the prototype of the copy.
 *
 * @throws Error if the bytes are anything else.
 */
export function parseObject(bytes: Uint8Array): Record<string, unknown> {
  const text = UTF8.decode(bytes);
  const value: unknown = JSON.parse(text);
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new SyntaxError("expected an object");
  checkMembers(text);
  return value as Record<string, unknown>;
}

/** Checks the names of all members in a text that is valid JSON. */
function checkMembers(text: string): void {
  // The names that were seen in each open object; `null` for an open array.
  const open: (Set<string> | null)[] = [];
  let isName = false;
  for (let at = 0; at < text.length; at++) {
    const char = text[at];
    if (char === '"') {
      const end = endOfString(text, at);
      if (isName) addName(open.at(-1), JSON.parse(text.slice(at, end + 1)) as string);
      isName = false;
      at = end;
    } else if (char === "{") {
      open.push(new Set());
      isName = true;
    } else if (char === "[") {
      open.push(null);
    } else if (char === "}" || char === "]") {
      open.pop();
      isName = false;
    } else if (char === ",") {
      isName = open.at(-1) !== null;
    }
  }
}

function endOfString(text: string, start: number): number {
  let at = start + 1;
  while (text[at] !== '"') at += text[at] === "\\" ? 2 : 1;
  return at;
}

function addName(names: Set<string> | null | undefined, name: string): void {
  if (!names || names.has(name)) throw new SyntaxError("a member occurs twice");
  if (name === "__proto__") throw new SyntaxError("the member `__proto__` is not allowed");
  names.add(name);
}
