/** What a browser is known to encode in layers, best first. A codec that is absent is not offered at all. */
export type Engine = "chromium" | "firefox" | "webkit" | "other";

export interface CodecOptions {
  /** Offer VP9 before VP8 where its simulcast was found good. */
  preferVp9?: boolean;
}

interface EnginePolicy {
  /** Codecs with simulcast that works, in order. */
  layered: readonly string[];
  vp9Simulcast: boolean;
}

const POLICIES: Record<Engine, EnginePolicy> = {
  chromium: { layered: ["VP8", "VP9", "H264", "AV1"], vp9Simulcast: true },
  firefox: { layered: ["VP8", "VP9", "AV1"], vp9Simulcast: false },
  webkit: { layered: ["VP8", "H264", "VP9"], vp9Simulcast: false },
  other: { layered: ["VP8", "H264", "VP9"], vp9Simulcast: false },
};

export function detectEngine(userAgent: string): Engine {
  if (/Firefox\//.test(userAgent)) return "firefox";
  if (/Chrom(e|ium)\//.test(userAgent)) return "chromium";
  if (/AppleWebKit\//.test(userAgent)) return "webkit";
  return "other";
}

/** Names of the video codecs to offer, most wanted first. */
export function videoCodecOrder(engine: Engine, options: CodecOptions = {}): readonly string[] {
  const { layered, vp9Simulcast } = POLICIES[engine];
  if (!options.preferVp9 || !vp9Simulcast) return layered;
  return ["VP9", ...layered.filter((name) => name !== "VP9")];
}

/**
 * The browser's codecs in the wanted order, with their retransmission. RED and the FEC schemes are left out: the server
 * cannot strip them per receiver.
 */
export function sortCodecs<C extends { mimeType: string }>(available: readonly C[], order: readonly string[]): C[] {
  const nameOf = (codec: C) => codec.mimeType.slice(codec.mimeType.indexOf("/") + 1).toUpperCase();
  const wanted = order.flatMap((name) => available.filter((codec) => nameOf(codec) === name));
  if (wanted.length === 0) return [];
  return [...wanted, ...available.filter((codec) => nameOf(codec) === "RTX")];
}
