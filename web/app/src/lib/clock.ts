import type { Meeting } from "@plenum/sdk";
import { useEffect, useState } from "react";

/** Minutes and seconds until `end`, as 4:05; empty without an end. */
export function timeLeft(end: number | undefined, now: number): string {
  if (end === undefined) return "";
  const seconds = Math.max(0, Math.ceil((end - now) / 1000));
  const rest = String(seconds % 60).padStart(2, "0");
  const minutes = Math.floor(seconds / 60);
  return minutes < 60 ? `${minutes}:${rest}` : `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, "0")}:${rest}`;
}

/** The server's time; drawn anew each second while it is needed. */
export function useNow(meeting: Meeting, needed: boolean): number {
  const [, tick] = useState(0);
  useEffect(() => {
    if (!needed) return;
    const timer = setInterval(() => tick((count) => count + 1), 1000);
    return () => clearInterval(timer);
  }, [needed]);
  return meeting.serverTime;
}
