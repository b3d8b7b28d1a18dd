// A TCP proxy that a test can cut: as a network that drops every packet, or one that refuses connections.
import { connect, createServer } from "node:net";

export class Proxy {
  #server;
  #sockets = new Set();
  /** "pass", "drop" (accepts, and passes nothing on) or "refuse". */
  mode = "pass";

  static async to(port) {
    const proxy = new Proxy();
    proxy.#server = createServer((client) => proxy.#accept(client, port));
    await new Promise((resolve) => proxy.#server.listen(0, "127.0.0.1", resolve));
    proxy.url = `http://127.0.0.1:${proxy.#server.address().port}`;
    return proxy;
  }

  #accept(client, port) {
    this.#sockets.add(client);
    client.on("close", () => this.#sockets.delete(client));
    client.on("error", () => {});
    if (this.mode === "refuse") return client.destroy();
    const server = connect(port, "127.0.0.1");
    this.#sockets.add(server);
    server.on("close", () => (this.#sockets.delete(server), client.destroy()));
    server.on("error", () => client.destroy());
    client.on("close", () => server.destroy());
    client.on("data", (data) => this.mode === "pass" && server.write(data));
    server.on("data", (data) => this.mode === "pass" && client.write(data));
  }

  /** Also ends the connections that are open, if the mode is "refuse". */
  cut(mode) {
    this.mode = mode;
    if (mode === "refuse") for (const socket of this.#sockets) socket.destroy();
  }

  close() {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
  }
}
