import type { Freeze, QualityReportReply } from "@plenum/sdk";

export type ServerReport = Pick<QualityReportReply, "received" | "sent" | "freezes" | "causes">;

/** The server's last minute. */
export const REPORT_MS = 60000;

/** A stretch of a chart's width, in its units. */
export interface Mark {
  x: number;
  width: number;
}

/** Where freezes lie in a chart of the minute that ends with the report's last second. */
export function marksOf(report: ServerReport, width: number): Mark[] {
  const end = Math.max(0, ...report.received.map((second) => second.at), ...report.freezes.map((freeze) => freeze.at));
  const place = (at: number) => Math.max(0, width - ((end - at) / REPORT_MS) * width);
  return report.freezes
    .filter((freeze) => end - freeze.at < REPORT_MS)
    .map((freeze) => ({ x: place(freeze.at - freeze.ms), width: Math.max(1, place(freeze.at) - place(freeze.at - freeze.ms)) }));
}

/** The last freezes, newest first; of one publisher only, if one is named. */
export function latestFreezes(report: ServerReport, publisher: number | undefined, most: number): Freeze[] {
  return report.freezes
    .filter((freeze) => publisher === undefined || freeze.participant === publisher)
    .slice(-most)
    .reverse();
}
