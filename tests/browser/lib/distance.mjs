/* A long way to the server, on one machine: what a page sends and gets by UDP takes its time in each direction. */
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { launchChromium } from "./chromium.mjs";
import { takeDetour } from "./detour.mjs";

async function openRelay(port, delayMs, way, host) {
  const near = createSocket("udp4");
  const far = new Map();
  near.bind(0, host);
  await once(near, "listening");
  let open = true;
  const later = (send) => setTimeout(() => open && send(), delayMs);
  near.on("message", (data, { address, port: from }) => {
    const key = `${address}:${from}`;
    if (!far.has(key)) {
      const socket = createSocket("udp4");
      socket.on("message", (answer) => Math.random() < way.loss || later(() => near.send(answer, from, address)));
      far.set(key, socket);
    }
    if (Math.random() >= way.lossUp) later(() => far.get(key).send(data, port, host));
  });
  return {
    port: near.address().port,
    close() {
      open = false;
      for (const socket of [near, ...far.values()]) socket.close();
    },
  };
}

/**
 * To be called before the page is opened, one of Firefox's too. `host` is where the server's media is. @returns {() => void} ends the relays; its
 * properties `loss` and `lossUp`, at first 0, are the parts that get lost of what the server and of what the page sends
 */
export async function moveAway(page, delayMs, host = "127.0.0.1") {
  const relays = [];
  const way = Object.assign(() => relays.forEach((relay) => relay.close()), { loss: 0, lossUp: 0 });
  await takeDetour(page, async (port) => {
    const relay = await openRelay(port, delayMs, way, host);
    relays.push(relay);
    return relay.port;
  });
  return way;
}

/** The SDK's page in a browser of its own, so far away; 0: near. What is to be ended goes into `closing`, in order. */
export async function openAway(server, distanceMs, closing, options = {}) {
  const browser = await launchChromium(["--autoplay-policy=no-user-gesture-required"]);
  closing.push(() => browser.close());
  const page = await browser.newPage(options);
  const way = distanceMs ? await moveAway(page, distanceMs) : undefined;
  if (way) closing.push(way);
  await page.goto(`${server.url}/?debug`);
  return { page, way };
}
