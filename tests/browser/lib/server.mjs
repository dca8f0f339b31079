/* A plenum-server of one's own: free ports, a data directory that goes away, its log at hand when a test fails. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

const START_MS = 10_000;
const STOP_MS = 15_000;
const LAST_WORDS_MS = 100;

async function freePort() {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address();
  probe.close();
  await once(probe, "close");
  return port;
}

async function waitUntilHealthy(url, child) {
  const end = Date.now() + START_MS;
  while (Date.now() < end) {
    if (child.exitCode !== null) throw new Error(`plenum-server ended with ${child.exitCode}`);
    try {
      if ((await fetch(`${url}/healthz`)).ok) return;
    } catch {
      /* not yet */
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error("plenum-server did not become healthy");
}

const inUrl = (address) => (address.includes(":") ? `[${address}]` : address);

/**
 * Start a server. `environment` adds settings, for example { PLENUM_RTC_WORKERS: "2" }; media goes to `address`, pages come from the loopback address
 * of its family. Where two-ways.sh has made a namespace for servers it runs there, and pages come from `address` too.
 */
export async function startServer(environment = {}, address = process.env.PLM_RTC_ADDRESS ?? "127.0.0.1") {
  const program = process.env.PLM_SERVER;
  if (!program) throw new Error("PLM_SERVER names no program");
  const [http, rtc] = [await freePort(), await freePort()];
  const away = process.env.PLM_SERVER_NET;
  const command = away ? ["nsenter", `--net=${away}`, program] : [program];
  const loopback = address.includes(":") ? "::1" : "127.0.0.1";
  const data = await mkdtemp(join(tmpdir(), "plenum-"));
  const url = `http://${inUrl(away ? address : loopback)}:${http}`;
  /* Media by TCP goes to the page's port too, at the address that clients are told. */
  const listen = [...new Set([loopback, address])].map((host) => `${inUrl(host)}:${http}`).join(",");
  let log = "";
  const pipes = [];
  const run = () => {
    const started = spawn(command[0], command.slice(1), {
      stdio: ["ignore", "pipe", "pipe"],
      env: {
        ...process.env,
        PLENUM_HTTP_LISTEN: listen,
        PLENUM_RTC_LISTEN: `${inUrl(address)}:${rtc}`,
        PLENUM_RTC_ADVERTISE: address,
        PLENUM_DATA_DIR: data,
        ...environment,
      },
    });
    for (const stream of [started.stdout, started.stderr]) stream.on("data", (text) => (log += text));
    pipes.push(started.stdout, started.stderr);
    return started;
  };
  let child = run();
  /* Kill it as a crash does, and start it again on the same ports and data after a while. */
  const crash = async (downMs = 0) => {
    const ended = once(child, "exit");
    child.kill("SIGKILL");
    await ended;
    await new Promise((resolve) => setTimeout(resolve, downMs));
    child = run();
    await waitUntilHealthy(url, child);
  };
  const stop = async () => {
    if (child.exitCode === null && child.signalCode === null) {
      const ended = once(child, "exit");
      child.kill("SIGTERM");
      const kill = setTimeout(() => child.kill("SIGKILL"), STOP_MS);
      await ended;
      clearTimeout(kill);
    }
    /* A recorder outlives the server by a minute, and has its pipes: nobody waits for that, only for the server's last words. */
    await new Promise((resolve) => setTimeout(resolve, LAST_WORDS_MS));
    for (const pipe of pipes) pipe.destroy();
    await rm(data, { recursive: true, force: true });
    /* With a sanitizer this tells what it found. */
    if (child.exitCode !== 0) throw new Error(`plenum-server ended with ${child.exitCode ?? child.signalCode}\n${log.slice(-8000)}`);
  };
  try {
    await waitUntilHealthy(url, child);
  } catch (error) {
    await stop().catch(() => undefined);
    throw new Error(`${error.message}\n${log}`);
  }
  return {
    url,
    isAway: away !== undefined,
    stop,
    crash,
    log: () => log,
    get pid() {
      return child.pid;
    },
    get child() {
      return child;
    },
  };
}

/** Samples of /metrics of this name: a map from what stands there, labels included, to the value. */
export async function samples(server, name) {
  const text = await (await fetch(`${server.url}/metrics`)).text();
  const lines = text.split("\n").filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`));
  return new Map(lines.map((line) => [line.slice(0, line.lastIndexOf(" ")), Number(line.slice(line.lastIndexOf(" ") + 1))]));
}

/** The value of one sample of /metrics, labels included in the name as they stand there; sums all lines when only a name is given. */
export async function metric(server, name) {
  return [...(await samples(server, name)).values()].reduce((sum, value) => sum + value, 0);
}
