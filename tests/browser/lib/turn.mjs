/* A coturn of one's own that believes credentials made with a shared secret, by UDP, TCP and TLS. */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

const PORT = 3478;
const TLS_PORT = 5349;
const START_MS = 10_000;

async function isListening(host, port) {
  const socket = connect(port, host);
  try {
    await once(socket, "connect");
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

/** @return its addresses by the way to it, the key of its certificate as Chromium's --ignore-certificate-errors-spki-list wants it, and stop */
export async function startTurn(host, secret) {
  const folder = await mkdtemp(join(tmpdir(), "plenum-turn-"));
  const [certificate, key] = [join(folder, "cert.pem"), join(folder, "key.pem")];
  const subject = ["-subj", "/CN=turn", "-addext", `subjectAltName=IP:${host}`];
  execFileSync("openssl", ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-keyout", key, "-out", certificate, ...subject], {
    stdio: "ignore",
  });
  const spki = execFileSync("sh", ["-c", `openssl x509 -in ${certificate} -pubkey -noout | openssl pkey -pubin -outform der | openssl dgst -sha256 -binary | openssl base64`])
    .toString()
    .trim();
  const child = spawn(
    process.env.PLM_TURNSERVER ?? "turnserver",
    [
      ...["-n", "--listening-ip", host, "--relay-ip", host, "--listening-port", String(PORT), "--tls-listening-port", String(TLS_PORT)],
      ...["--use-auth-secret", "--static-auth-secret", secret, "--realm", "test", "--cert", certificate, "--pkey", key],
      ...["--no-cli", "--no-dtls", "--log-file", "stdout", "--simple-log", "--pidfile", join(folder, "pid"), "--userdb", join(folder, "db")],
    ],
    { stdio: ["ignore", "pipe", "pipe"], cwd: folder },
  );
  let log = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (text) => (log += text));
  const stop = async () => {
    if (child.exitCode === null && child.signalCode === null) {
      const ended = once(child, "exit");
      child.kill("SIGKILL");
      await ended;
    }
    await rm(folder, { recursive: true, force: true });
  };
  const end = Date.now() + START_MS;
  while (!(await isListening(host, PORT)) || !(await isListening(host, TLS_PORT))) {
    if (child.exitCode !== null || Date.now() > end) {
      await stop();
      throw new Error(`coturn did not start\n${log}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const urls = { udp: `turn:${host}:${PORT}?transport=udp`, tcp: `turn:${host}:${PORT}?transport=tcp`, tls: `turns:${host}:${TLS_PORT}?transport=tcp` };
  return { urls, spki, stop, log: () => log };
}
