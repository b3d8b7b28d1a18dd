// Node 18, which Debian 12 has, hides what later ones show to every program.
import { webcrypto } from "node:crypto";

globalThis.crypto ??= webcrypto;
