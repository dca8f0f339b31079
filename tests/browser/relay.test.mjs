/* In Chromium, by a coturn and nothing else: with the credentials that the server hands out, to it by UDP, TCP and TLS. Run by in-namespace.sh. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { joinOneByOne } from "./lib/meeting.mjs";
import { eventually, openParticipant } from "./lib/participant.mjs";
import { startServer } from "./lib/server.mjs";
import { startTurn } from "./lib/turn.mjs";

const SECRET = "known to the server and to coturn";
/* Short, in ./test: two meet, one by each of these. */
const PAIRS = process.env.PLM_TEST_LONG ? [["udp", "udp"], ["tcp", "tls"]] : [["tcp", "tls"]];

let turn, server;

before(async () => {
  turn = await startTurn(process.env.PLM_RTC_ADDRESS ?? "127.0.0.1", SECRET);
  server = await startServer({ PLENUM_ICE_SERVERS: Object.values(turn.urls).join(","), PLENUM_ICE_TURN_SECRET: SECRET });
});

after(async () => {
  await server?.stop();
  await turn?.stop();
});

/* Runs before the page: of the servers that it is told only one is left, and no way but by it. */
function onlyBy(url) {
  const Original = RTCPeerConnection;
  window.connections = [];
  window.RTCPeerConnection = class extends Original {
    constructor(config = {}) {
      const iceServers = (config.iceServers ?? []).filter((server) => [server.urls].flat().includes(url)).map((server) => ({ ...server, urls: url }));
      super({ ...config, iceServers, iceTransportPolicy: "relay" });
      window.connections.push(this);
    }
  };
}

/* Runs in the page: by which way to a relay its connections go. */
async function waysInUse() {
  const ways = [];
  for (const connection of window.connections) {
    const report = await connection.getStats();
    const pairs = [...report.values()].filter((entry) => entry.type === "candidate-pair" && entry.nominated && entry.state === "succeeded");
    for (const pair of pairs.slice(0, 1)) {
      const { candidateType, relayProtocol } = report.get(pair.localCandidateId);
      ways.push(`${candidateType} ${relayProtocol}`);
    }
  }
  return ways;
}

for (const [first, second] of PAIRS) {
  test(`one by ${first}, one by ${second}`, async () => {
    const people = [];
    try {
      for (const [i, way] of [first, second].entries()) {
        const person = await openParticipant(server, i + 1, ["Ada", "Bob"][i], { args: [`--ignore-certificate-errors-spki-list=${turn.spki}`] });
        people.push(person);
        await person.page.addInitScript(onlyBy, turn.urls[way]);
      }
      await joinOneByOne(people, `${first}-${second}`);
      for (const [i, way] of [first, second].entries()) {
        await eventually(`${people[i].name}'s ways`, () => people[i].page.evaluate(waysInUse), [`relay ${way}`, `relay ${way}`]);
        assert.deepEqual(people[i].problems, [], `problems of ${people[i].name}`);
      }
    } finally {
      for (const person of people) await person.close();
    }
  });
}
