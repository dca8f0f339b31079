/* Ways from the namespace of the test to that of its server (two-ways.sh), one at a time, each with another address of this side. */
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const server = process.env.PLM_SERVER_NET ?? "";
const pid = /^\/proc\/(\d+)\//.exec(server)?.[1];
let current = 0;

const ip = (lines) => execFileSync("ip", ["-batch", "-"], { input: lines.join("\n") });
const ipThere = (lines) => execFileSync("nsenter", [`--net=${server}`, "ip", "-batch", "-"], { input: lines.join("\n") });

/**
 * The way that was there is gone, with its interface and its address, and another one is there, of IPv4 alone: an address of IPv6 that is tried out for a
 * second would be one more change. @return when that began, ms since 1970
 */
export function changeWay() {
  const [former, way] = [current, current + 1];
  const began = Date.now();
  ip([...(former ? [`link delete plm${former}`] : []), `link add plm${way} type veth peer name way${way} netns ${pid}`, `link set plm${way} addrgenmode none`]);
  ipThere([`link set way${way} addrgenmode none`, `address add 10.77.${way}.1/24 dev way${way}`, `link set way${way} up`]);
  ip([`address add 10.77.${way}.2/24 dev plm${way}`, `link set plm${way} up`, `route add default via 10.77.${way}.1 dev plm${way}`]);
  current = way;
  return began;
}

/** Chromium whose way stays. */
export const besideChromium = fileURLToPath(new URL("../from-beside.sh", import.meta.url));
