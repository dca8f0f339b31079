/** What a browser is known to encode in layers, best first. A codec that is absent is not offered at all. */
export type Engine = "chromium" | "firefox" | "webkit" | "other";

export interface CodecOptions {
  /** Offer this codec alone, where the browser encodes it in layers; else what the room prefers is sent. */
  video?: "VP8" | "VP9" | "H264" | "AV1";
}

interface EnginePolicy {
  /** What is offered, in order. */
  offered: readonly string[];
  /** What was seen to work with simulcast. */
  layered: readonly string[];
}

const POLICIES: Record<Engine, EnginePolicy> = {
  chromium: { offered: ["VP8", "VP9", "H264", "AV1"], layered: ["VP8", "VP9", "H264", "AV1"] },
  firefox: { offered: ["VP8", "VP9", "AV1"], layered: ["VP8"] },
  webkit: { offered: ["VP8", "H264", "VP9"], layered: ["VP8", "H264"] },
  other: { offered: ["VP8", "H264", "VP9"], layered: ["VP8"] },
};

export function detectEngine(userAgent: string): Engine {
  if (/Firefox\//.test(userAgent)) return "firefox";
  if (/Chrom(e|ium)\//.test(userAgent)) return "chromium";
  if (/AppleWebKit\//.test(userAgent)) return "webkit";
  return "other";
}

/** Names of the video codecs to offer, most wanted first. */
export function videoCodecOrder(engine: Engine, options: CodecOptions = {}): readonly string[] {
  const { offered, layered } = POLICIES[engine];
  return options.video && layered.includes(options.video) ? [options.video] : offered;
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
