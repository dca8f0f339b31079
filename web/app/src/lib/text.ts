import { formatNumber } from "./language.js";

export interface TextPart {
  text: string;
  /** Set when the part is an address that may be opened. */
  href?: string;
}

const ADDRESS = /https?:\/\/[^\s<>"']+/gi;

/** Splits a message into plain parts and web addresses. Nothing is fetched; a click opens the address. */
export function splitLinks(message: string): TextPart[] {
  const parts: TextPart[] = [];
  let at = 0;
  for (const match of message.matchAll(ADDRESS)) {
    const text = match[0].replace(/[.,;:!?)\]}]+$/, "");
    const href = addressOf(text);
    if (!href) continue;
    if (match.index > at) parts.push({ text: message.slice(at, match.index) });
    parts.push({ text, href });
    at = match.index + text.length;
  }
  if (at < message.length) parts.push({ text: message.slice(at) });
  return parts;
}

function addressOf(text: string): string | undefined {
  try {
    return new URL(text).href;
  } catch {
    return undefined;
  }
}

/** One or two letters that stand for a name. */
export function initials(name: string): string {
  const words = name.trim().split(/\s+/).filter(Boolean);
  const first = words[0] ?? "";
  const last = words.length > 1 ? (words.at(-1) ?? "") : "";
  return (letterOf(first) + letterOf(last)).toUpperCase() || "?";
}

/* The first letter or figure, else the first character; a whole one, also where it takes two units of UTF-16. */
function letterOf(word: string): string {
  return (/[\p{L}\p{N}]/u.exec(word) ?? /./u.exec(word))?.[0] ?? "";
}

export const HUES = 8;

/** The colour of somebody's avatar: the same for everybody who sees the name. */
export function hueOf(name: string): number {
  let hash = 0;
  for (const character of name) hash = (hash * 31 + (character.codePointAt(0) ?? 0)) >>> 0;
  return hash % HUES;
}

export function formatBitrate(bps: number): string {
  return bps >= 1e6 ? `${formatNumber(bps / 1e6, 1)} Mbit/s` : `${formatNumber(bps / 1000)} kbit/s`;
}

export function formatPercent(share: number): string {
  return `${formatNumber(share * 100, share > 0 && share < 0.1 ? 1 : 0)} %`;
}
