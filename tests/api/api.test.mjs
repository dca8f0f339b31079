/*
 * /api/v1 as a program uses it: a client generated from server/openapi.json calls every operation of a running server, with real
 * participants in the room; tokens signed by others; webhooks as they arrive, with their signatures.
 */
import assert from "node:assert/strict";
import { createHmac, createSign, generateKeyPairSync } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, readFile, rm, symlink } from "node:fs/promises";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";
import { startServer } from "../browser/lib/server.mjs";
import { Guest, until } from "./guest.mjs";

const source = (path) => fileURLToPath(new URL(`../../${path}`, import.meta.url));
const fromWeb = createRequire(source("web/package.json"));

const KEY = "0123456789abcdef".repeat(4);
const SECRET = "webhooks are signed with this";

let work, api, spec, server, hooks;
const called = new Set();

/* ---- what the tests lean on ---- */

/** Generate the client, bundle it, load it. Its functions are named by operationId. */
async function generate() {
  work = await mkdtemp(join(process.env.PLM_WORK ?? "/tmp", "api-"));
  await symlink(source("web/node_modules"), join(work, "node_modules"));
  const { createClient } = fromWeb("@hey-api/openapi-ts");
  await createClient({
    input: source("server/openapi.json"),
    output: join(work, "client"),
    plugins: ["@hey-api/client-fetch", "@hey-api/sdk", "@hey-api/typescript"],
    logs: { level: "silent" },
  });
  await fromWeb("esbuild").build({
    stdin: { contents: 'export * from "./client/sdk.gen"; export { client } from "./client/client.gen";', resolveDir: work, loader: "ts" },
    outfile: join(work, "client.mjs"),
    bundle: true,
    format: "esm",
    platform: "node",
  });
  return import(pathToFileURL(join(work, "client.mjs")).href);
}

/** Call an operation and look at the status that the description promises. */
async function call(operation, options = {}, bearer = KEY) {
  called.add(operation);
  const { data, error, response } = await api[operation]({ auth: bearer, ...options });
  if (response.ok) assert.ok(promised(operation).includes(String(response.status)), `${operation}: ${response.status}`);
  return { data, error, status: response.status };
}

const operations = () => Object.values(spec.paths).flatMap((path) => Object.values(path));
const promised = (id) => Object.keys(operations().find((o) => o.operationId === id).responses);

async function succeed(operation, options, bearer) {
  const { data, error, status } = await call(operation, options, bearer);
  assert.ok(status < 300, `${operation}: ${status} ${JSON.stringify(error)}`);
  return data;
}

const base64 = (value) => Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString("base64url");

/** A JSON Web Token by node's own means. */
function sign(header, claims, signer) {
  const text = `${base64({ typ: "JWT", ...header })}.${base64({ exp: Math.floor(Date.now() / 1000) + 60, ...claims })}`;
  return `${text}.${signer(text).toString("base64url")}`;
}
const hs256 = (secret) => (text) => createHmac("sha256", secret).update(text).digest();
const es256 = (key) => (text) => createSign("sha256").update(text).sign({ key, dsaEncoding: "ieee-p1363" });

/** Takes webhooks; the first `failures` requests are refused. */
async function takeWebhooks(failures) {
  const taken = [];
  let refused = 0;
  const listener = createServer(async (request, response) => {
    let body = "";
    for await (const piece of request) body += piece;
    response.statusCode = refused < failures ? 500 : 204;
    if (refused < failures) refused++;
    else taken.push({ body, signature: request.headers["plenum-signature"], event: JSON.parse(body) });
    response.end();
  }).listen(0, "127.0.0.1");
  await once(listener, "listening");
  return { taken, refused: () => refused, url: `http://127.0.0.1:${listener.address().port}/hook`, close: () => listener.close() };
}

before(async () => {
  spec = JSON.parse(await readFile(source("server/openapi.json"), "utf8"));
  const generated = await generate();
  hooks = await takeWebhooks(1);
  server = await startServer({ PLENUM_API_KEY: KEY, PLENUM_WEBHOOKS_URL: hooks.url, PLENUM_WEBHOOKS_SECRET: SECRET, PLENUM_RECORDING_ENABLED: "false" });
  generated.client.setConfig({ baseUrl: `${server.url}/api/v1` });
  api = generated;
});

after(async () => {
  hooks?.close();
  if (work) await rm(work, { recursive: true, force: true });
  await server?.stop();
});

/* ---- the operations ---- */

test("rooms are made, listed, changed, forgotten", async () => {
  const made = await succeed("createRoom", {
    body: { name: "Kitchen", settings: { title: "The kitchen", start_muted: true }, codecs: ["VP8", "opus"], owner: true },
  });
  assert.match(made.code, /^\d{3}-\d{4}-\d{3}$/);
  assert.equal(made.settings.start_muted, true);
  assert.equal(made.settings.may_speak, true);
  assert.equal(made.has_owner, true);
  assert.ok(made.owner_key.length >= 32);
  assert.equal((await call("createRoom", { body: { name: "KITCHEN" } })).status, 409);
  await succeed("createRoom", { body: { name: "Attic" } });

  const byCode = await succeed("getRoom", { path: { room: made.code } });
  assert.equal(byCode.name, "Kitchen");
  assert.equal(byCode.owner_key, undefined);

  const first = await succeed("listRooms", { query: { limit: 1 } });
  assert.deepEqual([first.rooms.map((r) => r.name), first.more], [["Attic"], true]);
  const rest = await succeed("listRooms", { query: { limit: 1, after: "attic" } });
  assert.deepEqual([rest.rooms.map((r) => r.name), rest.more], [["Kitchen"], false]);

  const changed = await succeed("changeRoom", { path: { room: "kitchen" }, body: { settings: { locked: true }, password: "stove" } });
  assert.equal(changed.settings.locked, true);
  assert.equal(changed.settings.title, "The kitchen");
  assert.equal(changed.has_password, true);
  assert.equal((await succeed("changeRoom", { path: { room: "kitchen" }, body: { password: "" } })).has_password, false);

  await succeed("deleteRoom", { path: { room: "Attic" } });
  assert.equal((await call("getRoom", { path: { room: "Attic" } })).status, 404);
});

test("what is wrong is named", async () => {
  const cases = [
    [{}, 400, "name"],
    [{ name: "" }, 400, "name"],
    [{ name: "a", settings: { lobby: 1 } }, 400, "settings.lobby"],
    [{ name: "a", settings: { max_minutes: 1441 } }, 400, "settings.max_minutes"],
    [{ name: "a", settings: { lobbby: true } }, 400, "settings.lobbby"],
    [{ name: "a", codecs: ["VP8", "VP8"] }, 400, "codecs"],
    [{ name: "a", codecs: ["MP3"] }, 400, "codecs"],
    [{ name: "a", password: "x".repeat(129) }, 400, "password"],
    [{ name: "a".repeat(129) }, 400, "name"],
    [{ name: "0123456789" }, 400, "name"],
  ];
  for (const [body, status, field] of cases) {
    const { error, status: got } = await call("createRoom", { body });
    assert.deepEqual([got, error.field], [status, field], JSON.stringify(body));
    assert.ok(error.message);
  }
  for (const body of ["", "{", "[]", "1", '{"name":"a","name":"b"}', "{}{}", `${"[".repeat(3000)}`]) {
    const response = await fetch(`${server.url}/api/v1/rooms`, {
      method: "POST",
      body,
      headers: { authorization: `Bearer ${KEY}`, "content-type": "application/json" },
    });
    assert.equal(response.status, body === "" ? 400 : 400, body);
  }
  const asText = await fetch(`${server.url}/api/v1/rooms`, { method: "POST", body: "{}", headers: { authorization: `Bearer ${KEY}` } });
  assert.equal(asText.status, 415);
});

test("people are listed, muted, moved, promoted, written to, removed", async () => {
  const room = "Hall";
  const [ada, bob] = [await Guest.connect(server), await Guest.connect(server)];
  const joined = await ada.join(room, "Ada");
  assert.equal(joined.role, "moderator");
  const { participant: bobId, secret } = await bob.join(room, "Bob");
  const path = { room, participant: bobId };

  const { participants } = await succeed("listParticipants", { path: { room } });
  assert.deepEqual(participants.map((p) => [p.name, p.role, p.breakout]), [["Ada", "moderator", 0], ["Bob", "speaker", 0]]);

  await succeed("muteParticipant", { path, body: { source: "microphone" } });
  await succeed("sendMessage", { path: { room }, body: { text: "hello\nall", name: "Desk" } });
  assert.equal((await ada.expect((m) => m.type === "chat_posted")).message.name, "Desk");
  await bob.expect((m) => m.type === "chat_posted");
  await succeed("sendPrivateMessage", { path, body: { text: "only you" } });
  assert.equal((await bob.expect((m) => m.type === "chat_posted")).message.text, "only you");
  assert.ok(!ada.inbox.some((m) => m.type === "chat_posted"));

  await succeed("changeParticipant", { path, body: { role: "moderator" } });
  await ada.expect((m) => m.type === "roster" && m.changed.some((p) => p.id === bobId && p.role === "moderator"));
  assert.equal((await ada.request("breakout_open", { rooms: [{ name: "Corner" }] })).type, "done");
  await succeed("changeParticipant", { path, body: { breakout: 1 } });
  assert.equal((await bob.expect((m) => m.type === "moved")).room.breakout, 1);
  assert.equal((await call("changeParticipant", { path, body: { breakout: 2 } })).status, 404);

  await succeed("removeParticipant", { path });
  assert.equal((await bob.expect((m) => m.type === "ended")).reason, "removed");
  const again = await Guest.connect(server);
  assert.equal((await again.request("resume", { secret })).type, "error");
  assert.equal((await call("removeParticipant", { path })).status, 404);

  await succeed("endMeeting", { path: { room } });
  assert.equal((await ada.expect((m) => m.type === "ended")).reason, "closed");
  assert.equal((await call("endMeeting", { path: { room } })).status, 404);
  for (const guest of [ada, bob, again]) guest.close();
});

test("how pictures fared: told to leaders, of oneself to everybody, to nobody else", async () => {
  const room = "Lab";
  await succeed("createRoom", { body: { name: room, settings: {} } });
  const token = async (role, identity) => (await succeed("createToken", { path: { room }, body: { role, identity } })).token;
  const [own, other, leader] = [await token("speaker", "ada"), await token("speaker", "bob"), await token("moderator", "eve")];
  const guest = await Guest.connect(server);
  const { participant } = await guest.join(room, "Ada", { token: own });
  const path = { room, participant };

  const mine = await succeed("getParticipantQuality", { path }, own);
  assert.deepEqual(mine, {
    participant,
    name: "Ada",
    present: true,
    received: null,
    sent: null,
    causes: [],
    freezes: [],
    received_seconds: [],
    sent_seconds: [],
    slots: [],
  });
  assert.equal((await succeed("getParticipantQuality", { path }, leader)).name, "Ada");
  assert.equal((await call("getParticipantQuality", { path }, other)).status, 401);
  assert.equal((await call("getParticipantQuality", { path: { room, participant: 99 } })).status, 404);
  assert.equal((await call("getParticipantQuality", { path: { room, participant: 99 } }, own)).status, 401);

  assert.deepEqual(await succeed("getQuality", { path: { room } }), { participants: [] });
  assert.deepEqual(await succeed("getQuality", { path: { room } }, leader), { participants: [] });
  assert.equal((await call("getQuality", { path: { room } }, own)).status, 401);
  assert.equal((await call("getQuality", { path: { room: "nowhere" } })).status, 404);
  guest.close();
  await succeed("deleteRoom", { path: { room } });
});

test("pages of rooms end, whatever the rooms are called", async () => {
  const names = ["A", "C++", "q&a", "50%", "a;b=c?d#e", "%26", "zwei Wörter"];
  for (const name of names) await succeed("createRoom", { body: { name } });
  const all = (await succeed("listRooms", {})).rooms.map((r) => r.name);
  const paged = [];
  for (let query = { limit: 1 }; ; ) {
    const { rooms, more } = await succeed("listRooms", { query });
    paged.push(...rooms.map((r) => r.name));
    assert.ok(paged.length <= all.length, paged.join());
    if (!more) break;
    query = { limit: 1, after: paged.at(-1) };
  }
  assert.deepEqual(paged, all);
  for (const name of names) assert.ok(paged.includes(name), name);
  assert.equal((await call("listRooms", { query: { after: "a/b" } })).status, 400);
  for (const name of names) await succeed("deleteRoom", { path: { room: name } });
});

test("tokens of the server open a room, and can be revoked", async () => {
  const room = "Vault";
  await succeed("createRoom", { body: { name: room, settings: { lobby: true }, owner: true } });
  const { token, id } = await succeed("createToken", {
    path: { room },
    body: { identity: "ada@example.org", name: "Ada L.", role: "moderator", skip_lobby: true, seconds: 600 },
  });
  const ada = await Guest.connect(server);
  const joined = await ada.join(room, "somebody", { token });
  assert.deepEqual([joined.type, joined.role, joined.participants[0].name], ["joined", "moderator", "Ada L."]);
  const { participants } = await succeed("listParticipants", { path: { room } }, token); /* a moderator's token may look */
  assert.equal(participants[0].identity, "ada@example.org");
  for (const [operation, options] of [
    ["listRooms", {}],
    ["createRoom", { body: { name: "x" } }],
    ["deleteRoom", { path: { room } }],
    ["getRoom", { path: { room: "kitchen" } }],
    ["listKeys", {}],
    ["createToken", { path: { room }, body: {} }],
  ])
    assert.ok([401, 403].includes((await call(operation, options, token)).status), operation);

  await succeed("revokeToken", { body: { id } });
  const other = await Guest.connect(server);
  assert.equal((await other.join(room, "x", { token })).code, "token");
  assert.equal((await call("listParticipants", { path: { room } }, token)).status, 401);
  for (const guest of [ada, other]) guest.close();
});

test("a moderator's token may no more here than in the meeting", async () => {
  const room = "Ranks";
  const path = { room };
  const { owner_key } = await succeed("createRoom", { body: { name: room, owner: true } });
  const { token } = await succeed("createToken", { path, body: { name: "Mo", role: "moderator" } });
  const { token: owners } = await succeed("createToken", { path, body: { name: "Ada", role: "owner" } });
  const [ada, mo, bob] = await Promise.all([Guest.connect(server), Guest.connect(server), Guest.connect(server)]);
  const [adaId, moId] = [(await ada.join(room, "Ada", { token: owners })).participant, (await mo.join(room, "Mo", { token })).participant];
  const bobId = (await bob.join(room, "Bob")).participant;
  const of = (participant) => ({ room, participant });
  for (const [operation, options] of [
    ["changeParticipant", { path: of(moId), body: { role: "owner" } }],
    ["changeParticipant", { path: of(adaId), body: { role: "viewer" } }],
    ["removeParticipant", { path: of(adaId) }],
    ["changeRoom", { path, body: { owner: true } }],
    ["changeRoom", { path, body: { owner: true, password: "hashed first" } }],
    ["changeRoom", { path, body: { owner: false } }],
    ["changeRoom", { path, body: { codecs: ["VP8"] } }],
    ["changeRoom", { path, body: { settings: { may_record: false } } }],
  ]) {
    const { status, error } = await call(operation, options, token);
    assert.deepEqual([status, error?.code], [403, "forbidden"], `${operation} ${JSON.stringify(options)}`);
  }
  assert.equal((await succeed("changeRoom", { path, body: { settings: { title: "Still mine to name" } } }, token)).settings.may_record, true);
  await succeed("muteParticipant", { path: of(adaId), body: { source: "microphone" } }, token); /* as in the meeting */
  const named = async (options, by) => {
    const operation = options.path.participant ? "sendPrivateMessage" : "sendMessage";
    await succeed(operation, { ...options, body: { text: "hello", name: "Ada" } }, by);
    return (await bob.expect((m) => m.type === "chat_posted")).message.name;
  };
  assert.deepEqual([await named({ path }, token), await named({ path: of(bobId) }, token), await named({ path })], ["Mo", "Mo", "Ada"]);
  const { token: nameless } = await succeed("createToken", { path, body: { role: "moderator" } });
  assert.equal(await named({ path }, nameless), "Ada"); /* who joins by it calls themselves as they like, too */
  await succeed("changeParticipant", { path: of(bobId), body: { role: "moderator" } }, token);
  assert.equal((await bob.request("claim", { key: owner_key })).type, "done");
  assert.ok((await succeed("changeRoom", { path, body: { owner: true } }, owners)).owner_key);
  await succeed("changeParticipant", { path: of(moId), body: { role: "viewer" } }, owners);
  for (const guest of [ada, mo, bob]) guest.close();
  await succeed("deleteRoom", { path });
});

test("keys: made, listed, used, dropped; each has one algorithm", async () => {
  const { id, secret } = await succeed("createKey", { body: { name: "app" } });
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const pem = publicKey.export({ type: "spki", format: "pem" });
  const signed = await succeed("createKey", { body: { name: "signer", algorithm: "ES256", public_key: pem } });
  const { keys } = await succeed("listKeys", {});
  assert.deepEqual(keys.map((k) => [k.name, k.algorithm, k.secret]), [["app", "HS256", undefined], ["signer", "ES256", undefined]]);
  assert.equal((await call("createKey", { body: { name: "bad", algorithm: "ES256" } })).status, 400);
  assert.equal((await call("createKey", { body: { name: "bad", algorithm: "RS256", public_key: pem } })).status, 400);

  const bearer = `${id}.${secret}`;
  assert.ok((await succeed("listRooms", {}, bearer)).rooms.length);
  assert.equal((await call("listKeys", {}, bearer)).status, 403); /* not an admin's */
  assert.equal((await call("listRooms", {}, `${id}.${"0".repeat(64)}`)).status, 401);
  assert.equal((await call("listRooms", {}, `server.${"0".repeat(64)}`)).status, 401);

  const claims = { room: "Vault", role: "moderator" };
  const path = { room: "Vault" };
  const look = async (token) => (await call("getRoom", { path }, token)).status;
  assert.equal(await look(sign({ alg: "HS256", kid: id }, claims, hs256(secret))), 200);
  assert.equal(await look(sign({ alg: "ES256", kid: signed.id }, claims, es256(privateKey))), 200);
  const bad = {
    "a public key as a secret": sign({ alg: "HS256", kid: signed.id }, claims, hs256(pem)),
    "no algorithm": sign({ alg: "none", kid: id }, claims, () => Buffer.alloc(0)),
    "another algorithm": sign({ alg: "HS384", kid: id }, claims, (t) => createHmac("sha384", secret).update(t).digest()),
    "another's key": sign({ alg: "ES256", kid: signed.id }, claims, es256(generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey)),
    "no key id": sign({ alg: "HS256" }, claims, hs256(secret)),
    "a key id that is a path": sign({ alg: "HS256", kid: "../../etc/passwd" }, claims, hs256("")),
    "a key from elsewhere": sign({ alg: "ES256", jku: "http://127.0.0.1:1/", jwk: publicKey.export({ format: "jwk" }) }, claims, es256(privateKey)),
    expired: sign({ alg: "HS256", kid: id }, { ...claims, exp: Math.floor(Date.now() / 1000) - 120 }, hs256(secret)),
    "good for ever": sign({ alg: "HS256", kid: id }, { ...claims, exp: undefined }, hs256(secret)),
    "a text for a time": sign({ alg: "HS256", kid: id }, { ...claims, exp: "9999999999" }, hs256(secret)),
    "not yet": sign({ alg: "HS256", kid: id }, { ...claims, nbf: Math.floor(Date.now() / 1000) + 600 }, hs256(secret)),
    "another room": sign({ alg: "HS256", kid: id }, { ...claims, room: "Kitchen" }, hs256(secret)),
    "an unknown role": sign({ alg: "HS256", kid: id }, { ...claims, role: "king" }, hs256(secret)),
    "a number for a truth": sign({ alg: "HS256", kid: id }, { ...claims, publish: 1 }, hs256(secret)),
    "cut short": sign({ alg: "HS256", kid: id }, claims, hs256(secret)).slice(0, -1),
    "two parts": "a.b",
    nothing: "",
  };
  for (const [what, token] of Object.entries(bad)) assert.equal(await look(token), 401, what);

  await succeed("deleteKey", { path: { key: id } });
  assert.equal((await call("listRooms", {}, bearer)).status, 401);
  assert.equal(await look(sign({ alg: "HS256", kid: id }, claims, hs256(secret))), 401);
  assert.equal((await call("deleteKey", { path: { key: id } })).status, 404);
  assert.equal((await call("deleteKey", { path: { key: "server" } })).status, 404);
  assert.equal((await succeed("getServer")).protocol, "plenum.v1");
});

test("webhooks come in order, signed, again after a failure, each once", async () => {
  const room = "Hooks";
  const guest = await Guest.connect(server);
  await guest.join(room, "Ann");
  await guest.request("leave");
  guest.close();
  const of = (type) => hooks.taken.filter(({ event }) => event.type === type && event.room === room);
  await until(() => of("participant_left").length, "Ann left");
  assert.equal(hooks.refused(), 1);
  const [joined] = of("participant_joined");
  assert.equal(joined.event.participant.name, "Ann");
  assert.equal(of("participant_left")[0].event.reason, "left");
  assert.equal(of("room_started").length, 1);
  const types = hooks.taken.filter(({ event }) => event.room === room).map(({ event }) => event.type);
  assert.deepEqual(types.slice(0, 3), ["room_started", "participant_joined", "participant_left"]);
  const ids = hooks.taken.map(({ event }) => event.id);
  assert.equal(new Set(ids).size, ids.length);
  for (const { body, signature } of hooks.taken) {
    const [, seconds, mac] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(signature);
    assert.equal(mac, createHmac("sha256", SECRET).update(`${seconds}.${body}`).digest("hex"));
    assert.ok(Math.abs(Date.now() / 1000 - Number(seconds)) < 120);
  }
});

/* What becomes of recordings, and their files: tests/integration/test_recordings.py. */
test("recordings: a server that does not record says so; ids tell nothing", async () => {
  const room = "Studio";
  const ada = await Guest.connect(server);
  assert.equal((await ada.join(room, "Ada")).records, false);
  const refusal = await ada.request("record_start");
  assert.equal(refusal.code, "not_available");
  const { error, status } = await call("startRecording", { path: { room } });
  assert.deepEqual([status, error.code], [501, "not_available"]);
  assert.equal((await call("startRecording", { path: { room: "Nowhere" } })).status, 404);
  assert.deepEqual(await succeed("listRoomRecordings", { path: { room } }), { recordings: [], more: false });
  assert.equal((await call("listRoomRecordings", { path: { room: "Nowhere" } })).status, 404);
  assert.deepEqual(await succeed("listRecordings", { query: { limit: 1 } }), { recordings: [], more: false });
  assert.equal((await call("listRecordings", { query: { limit: 0 } })).status, 400);
  for (const recording of ["0".repeat(32), "..", "nonsense"]) {
    for (const operation of ["getRecording", "stopRecording", "deleteRecording", "getRecordingFile"])
      assert.equal((await call(operation, { path: { recording, file: "manifest.json" } })).status, 404, `${operation} ${recording}`);
    assert.equal((await call("getRecording", { path: { recording } }, "wrong")).status, 404);
  }
  assert.equal((await fetch(`${server.url}/api/v1/recordings/${"0".repeat(32)}`)).status, 401);
  assert.equal((await fetch(`${server.url}/api/v1/recordings`)).status, 401);
  ada.close();
});

test("every operation was called", () => {
  assert.deepEqual(operations().map((o) => o.operationId).filter((id) => !called.has(id)), []);
});

test("without a key this machine may make a room, and nobody else anything", async () => {
  const open = await startServer();
  try {
    const ask = (method, path, headers = {}, body = undefined) =>
      fetch(`${open.url}/api/v1${path}`, { method, headers, body }).then((r) => r.status);
    const json = { "content-type": "application/json" };
    assert.match(open.log(), /no key for the API/);
    assert.equal(await ask("POST", "/rooms", json, '{"name":"a"}'), 201);
    assert.equal(await ask("GET", "/rooms/a"), 200);
    assert.equal(await ask("GET", "/rooms"), 401);
    assert.equal(await ask("DELETE", "/rooms/a"), 401);
    assert.equal(await ask("POST", "/keys", json, '{"name":"a"}'), 401);
    assert.equal(await ask("POST", "/rooms", { ...json, origin: "https://elsewhere.example" }, '{"name":"b"}'), 401);
  } finally {
    await open.stop();
  }
});
