import { TEXT_LIMITS } from "@plenum/sdk";

/* Paths that the server keeps for itself. */
const RESERVED = new Set(["api", "assets", "healthz", "metrics", "whep", "whip", "ws"]);

const FIRST = "amber azure bright calm clear coral crisp early fair fresh gentle golden green happy hazel honest ivory jolly keen kind light lively lucky merry mild misty noble open pearl plain polar quick quiet rapid royal sandy sharp shiny silver sunny swift warm wise young".split(" ");
const SECOND = "badger beaver cedar clover crane daisy dolphin eagle falcon fern finch fox heron ibis jay kite larch lark linden lotus lynx maple marten meadow otter owl panda pine plover poplar puffin robin rowan salmon seal sparrow stork swan tern thrush tulip willow wren".split(" ");
const THIRD = "bay beach bridge brook canyon castle cliff coast cove creek delta dune field forest garden glade grove harbor haven hill island lagoon lake lantern library market mill orchard park path peak pond port prairie river shore spring square station summit terrace tower valley village".split(" ");

/* The number of a room, however its ten digits are grouped. */
const NUMBER = /^\s*(\d{3})[\s.-]*(\d{4})[\s.-]*(\d{3})\s*$/;

function numberIn(text: string): string | undefined {
  const [, first, second, third] = NUMBER.exec(text) ?? [];
  return first && second && third ? `${first}-${second}-${third}` : undefined;
}

/** The room that a typed text means: that of a link, else what can stand in a link without escapes, in lower case. Empty when nothing is left. */
export function roomFromText(text: string): string {
  const trimmed = text.trim();
  if (/^https?:\/\//i.test(trimmed)) return roomFromPath(trimmed.replace(/^https?:\/\/[^/]*/i, "").replace(/[?#].*$/, ""));
  const name = trimmed
    .toLowerCase()
    .replace(/[?#].*$/, "")
    .replace(/[^\p{L}\p{N}._-]+/gu, "-")
    .replace(/-+/g, "-")
    .replace(/^[-.]+|[-.]+$/g, "");
  const short = cut(name, TEXT_LIMITS.join.room);
  return numberIn(text) ?? (RESERVED.has(short) ? `${short}-room` : short);
}

/** The token in a link that was typed or pasted, as the fragment of a page's address; empty without one. */
export function fragmentFromText(text: string): string {
  const token = new URLSearchParams(text.split("#")[1] ?? "").get("token");
  return token ? `#token=${encodeURIComponent(token)}` : "";
}

/** The name that a join token gives, by which its bearer will be known; undefined where it gives none, or is an owner's key. */
export function nameInToken(token: string): string | undefined {
  try {
    const payload = atob((token.split(".")[1] ?? "").replaceAll("-", "+").replaceAll("_", "/"));
    const claims: unknown = JSON.parse(new TextDecoder().decode(Uint8Array.from(payload, (octet) => octet.charCodeAt(0))));
    return typeof claims === "object" && claims && "name" in claims && typeof claims.name === "string" && claims.name ? claims.name : undefined;
  } catch {
    return undefined;
  }
}

/**
 * The room of a page's path; empty for the start page. Whatever stands there: rooms that the API, the SDK or WHIP made have names that nobody
 * would type here. The server takes ASCII letters alone for the same in both cases.
 */
export function roomFromPath(path: string): string {
  try {
    const name = decodeURIComponent(path.replace(/^\/|\/+$/g, "")).trim();
    return numberIn(name) ?? cut(name.replace(/[A-Z]/g, (letter) => letter.toLowerCase()), TEXT_LIMITS.join.room);
  } catch {
    return "";
  }
}

export function roomPath(room: string): string {
  return `/${encodeURIComponent(room)}`;
}

/** A name that is easy to say and hard to meet by chance. */
export function randomRoom(): string {
  const [a = 0, b = 0, c = 0, d = 0] = crypto.getRandomValues(new Uint32Array(4));
  const pick = (words: string[], n: number) => words[n % words.length] ?? "";
  return `${pick(FIRST, a)}-${pick(SECOND, b)}-${pick(THIRD, c)}-${10 + (d % 90)}`;
}

/** At most so many octets of UTF-8, without half a character. */
export function cut(text: string, octets: number): string {
  const encoder = new TextEncoder();
  let result = "";
  let size = 0;
  for (const character of text) {
    size += encoder.encode(character).length;
    if (size > octets) break;
    result += character;
  }
  return result;
}
