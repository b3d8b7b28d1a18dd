// Node.js 18, the version of Debian 12, does not define `globalThis.crypto`; later versions do.
import { webcrypto } from "node:crypto";

globalThis.crypto ??= webcrypto;
