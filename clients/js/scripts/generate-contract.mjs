// Writes the literal types of problem codes and audit events from the OpenAPI document of the server.
// `node scripts/generate-contract.mjs` writes them, with `--check` it compares; the binary is in `COUNTERFOIL`.
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const FILES = ["node", "browser"].map((name) => new URL(`../${name}/src/contract.ts`, import.meta.url));

const document = JSON.parse(execFileSync(process.env.COUNTERFOIL ?? "counterfoil", ["openapi"], { maxBuffer: 1 << 26 }));
const { schemas } = document.components;

/** The values of a member, one a line. */
function union(schema, member) {
  return schemas[schema].properties[member].enum.map((value) => `\n  | "${value}"`).join("");
}

const text = `/** Written by \`scripts/generate-contract.mjs\` from the OpenAPI document of the server. Do not edit. */

/** The \`code\` of a problem. Later versions of the server can add some. */
export type ProblemCode =${union("Problem", "code")};

/** The \`kind\` of an audit event. Later versions of the server can add some. */
export type AuditEventKind =${union("ActivityEvent", "kind")};
`;

for (const file of FILES) {
  if (!process.argv.includes("--check")) writeFileSync(file, text);
  else if (readFileSync(file, "utf8") !== text) {
    console.error(`error: ${fileURLToPath(file)} differs from the OpenAPI document`);
    console.error("hint: run `npm run contract` in clients/js, with the binary in the variable COUNTERFOIL");
    process.exitCode = 1;
  }
}
