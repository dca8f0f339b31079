/* A line of its own to the server, on one machine: what a page sends and gets by UDP goes through a plenum-line, by nothing else. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { takeDetour } from "./detour.mjs";

async function startLine(port) {
  const program = process.env.PLM_LINE;
  if (!program) throw new Error("PLM_LINE names no program");
  const child = spawn(program, [String(port)], { stdio: ["pipe", "pipe", "inherit"] });
  const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const answer = async () => (await answers.next()).value;
  const relay = Number((await answer()).split(" ")[1]);
  return {
    relay,
    tell: (words) => child.stdin.write(`${words}\n`),
    async count() {
      child.stdin.write("count\n");
      const [, upPassed, upLost, upFull, , passed, lost, full] = (await answer()).split(" ").map(Number);
      return { up: { passed: upPassed, lost: upLost, full: upFull }, down: { passed, lost, full } };
    },
    async close() {
      const ended = once(child, "exit");
      child.stdin.end();
      await ended;
    },
  };
}

/** To be called before the page is opened. `words` as plenum-line takes them, "down rate 1000000" for example, again at any time. */
export async function putOnLine(page, words) {
  let line;
  await takeDetour(page, async (port) => {
    line ??= startLine(port).then((started) => (started.tell(words), started));
    return (await line).relay;
  });
  return {
    tell: async (more) => (await line).tell(more),
    count: async () => (await line).count(),
    close: async () => (await line)?.close(),
  };
}
