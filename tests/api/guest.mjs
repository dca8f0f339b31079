/* People of a meeting as the tests of the API need them: the signalling, and no media. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createRequire } from "node:module";

const { WebSocket } = createRequire(new URL("../../web/package.json", import.meta.url))("ws");

/** A participant: WebSocket alone, no media. */
export class Guest {
  static async connect(server) {
    const guest = new Guest();
    guest.inbox = [];
    guest.waiting = [];
    guest.socket = new WebSocket(`${server.url.replace("http", "ws")}/ws`, "plenum.v1");
    guest.socket.on("message", (text) => {
      const message = JSON.parse(text);
      guest.inbox.push(message);
      for (const wake of guest.waiting.splice(0)) wake();
    });
    await once(guest.socket, "open");
    return guest;
  }

  async expect(what, seconds = 10) {
    const end = Date.now() + 1000 * seconds;
    for (;;) {
      const i = this.inbox.findIndex(what);
      if (i >= 0) return this.inbox.splice(i, 1)[0];
      const left = end - Date.now();
      assert.ok(left > 0, `did not come: ${what}; what came: ${JSON.stringify(this.inbox)}`);
      await new Promise((wake) => {
        const timer = setTimeout(wake, left);
        this.waiting.push(() => {
          clearTimeout(timer); /* or it would keep the program alive */
          wake();
        });
      });
    }
  }

  async request(type, fields = {}) {
    this.last = (this.last ?? 0) + 1;
    const id = this.last;
    this.socket.send(JSON.stringify({ type, id, ...fields }));
    return this.expect((m) => m.id === id);
  }

  async join(room, name, fields = {}) {
    return this.request("join", { room, name, ...fields });
  }

  close() {
    this.socket.close();
  }
}

export async function until(condition, what, seconds = 15) {
  for (const end = Date.now() + 1000 * seconds; !(await condition()); await new Promise((next) => setTimeout(next, 20)))
    assert.ok(Date.now() < end, `never came true: ${what}`);
}
