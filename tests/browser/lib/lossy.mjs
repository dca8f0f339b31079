/* A way to the server that loses datagrams: to clients it is the server's address, to the server each client is a port of its own. */
import { createSocket } from "node:dgram";
import { once } from "node:events";

/**
 * Pass datagrams between a port of `address` and the same port of 127.0.0.1, losing a part of them both ways.
 * @returns { port, share(part), lost, passed, close }; nothing is lost until `share` says so
 */
export async function openLossyWay(address) {
  const front = createSocket("udp4");
  const backs = new Map();
  const way = { lost: 0, passed: 0 };
  let part = 0;
  /* Each direction and client alike, and never the same twice: losses as a radio has them, not every twentieth. */
  const loses = () => {
    const gone = Math.random() < part;
    way[gone ? "lost" : "passed"]++;
    return gone;
  };
  front.on("message", (data, { address: host, port: from }) => {
    const key = `${host}:${from}`;
    let back = backs.get(key);
    if (!back) {
      back = createSocket("udp4");
      back.on("message", (answer) => loses() || front.send(answer, from, host));
      backs.set(key, back);
    }
    if (!loses()) back.send(data, front.address().port, "127.0.0.1");
  });
  front.bind(0, address);
  await once(front, "listening");
  const { port } = front.address();
  return Object.assign(way, {
    port,
    share: (wanted) => (part = wanted),
    close: () => [front, ...backs.values()].forEach((socket) => socket.close()),
  });
}
