// The relay to the issuer: one request in is one request out, whatever its framing and its path.
import assert from "node:assert/strict";
import { createServer as createHttpServer } from "node:http";
import { connect, createServer } from "node:net";
import { after, before, test } from "node:test";

import { counterfoil } from "@counterfoil/node";

const received = [];
let upstream, application, auth;

const listen = (server) => new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(server.address().port)));

before(async () => {
  upstream = createServer((socket) => {
    let text = "";
    socket.on("error", () => {});
    socket.on("data", (data) => {
      text += data.toString("latin1");
      const isComplete = /^GET/.test(text) && !/transfer-encoding/i.test(text) ? text.includes("\r\n\r\n") : text.endsWith("0\r\n\r\n");
      if (!isComplete) return;
      received.push(text);
      socket.end("HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n");
    });
  });
  const url = `http://127.0.0.1:${await listen(upstream)}`;
  auth = counterfoil({ issuer: url, audience: url, algorithms: ["ES256"], log: () => {} });
  application = createHttpServer(auth.routes());
  await listen(application);
});

after(() => {
  auth?.close();
  application?.close();
  upstream?.close();
});

/** Sends bytes as they are; resolves with what is answered. */
function send(bytes) {
  return new Promise((resolve, reject) => {
    let answer = "";
    const socket = connect(application.address().port, "127.0.0.1", () => socket.write(bytes));
    socket.setTimeout(10_000, () => socket.destroy(new Error("no answer")));
    socket.on("data", (data) => (answer += data));
    socket.on("end", () => resolve(answer));
    socket.on("error", reject);
  });
}

for (const method of ["GET", "DELETE", "OPTIONS", "HEAD"]) {
  test(`the body of a chunked ${method} is no request of its own`, async () => {
    const inner = "POST /v1/login HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 192.0.2.1\r\n\r\n";
    const before = received.length;
    const answer = await send(
      `${method} /v1/me HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n` +
        `${inner.length.toString(16)}\r\n${inner}\r\n0\r\n\r\n`,
    );
    assert.match(answer, /^HTTP\/1\.1 204/);
    assert.equal(received.length, before + 1);
    const [head, ...rest] = received.at(-1).split("\r\n\r\n");
    assert.match(head, /\r\ntransfer-encoding: chunked/i);
    assert.match(rest.join("\r\n\r\n"), /^[0-9a-f]+\r\nPOST \/v1\/login/i);
  });
}

test("a path that a proxy could read as another one is not passed on", async () => {
  const before = received.length;
  for (const path of ["/v1/../metrics", "/v1/./verify/nginx", "/v1//verify/nginx", "/v1/%2e%2e/metrics", "/v1/%76erify/nginx", "/v1/verify/nginx"]) {
    const answer = await send(`GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
    assert.match(answer, /^HTTP\/1\.1 404/, path);
  }
  assert.equal(received.length, before);
});
