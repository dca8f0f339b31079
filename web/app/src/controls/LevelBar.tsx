import { LevelMeter } from "@plenum/sdk";
import { useEffect, useRef } from "react";
import { t } from "../messages.js";

const BARS = 24;

/** Shows how loud a track is. Drawn outside of React: it changes with each frame. */
export function LevelBar({ track }: { track: MediaStreamTrack | undefined }) {
  const bar = useRef<HTMLDivElement>(null);

  useEffect(() => {
    const element = bar.current;
    if (!track || !element) return;
    const meter = new LevelMeter(track);
    let shown = 0;
    let frame = 0;
    const draw = () => {
      /* Up at once, down slowly, as meters do. */
      shown = Math.max(meter.read(), shown * 0.9);
      const lit = Math.round(shown * BARS);
      [...element.children].forEach((child, i) => child.classList.toggle("lit", i < lit));
      element.setAttribute("aria-valuenow", String(Math.round(shown * 100)));
      frame = requestAnimationFrame(draw);
    };
    draw();
    return () => {
      cancelAnimationFrame(frame);
      meter.close();
      for (const child of element.children) child.classList.remove("lit");
    };
  }, [track]);

  return (
    <div className="level" ref={bar} role="meter" aria-label={t.lobby.micLevel} aria-valuemin={0} aria-valuemax={100} aria-valuenow={0} data-testid="mic-level">
      {Array.from({ length: BARS }, (_, i) => (
        <i key={i} />
      ))}
    </div>
  );
}
