import type { MouseEvent } from "react";
import type { Playback } from "../lib/playback.js";
import { formatLength, type Manifest } from "../lib/recording.js";
import { lanesOf } from "../lib/scene.js";
import { useStore } from "../lib/store.js";
import { t } from "../messages.js";

interface TimelineProps {
  manifest: Manifest;
  playback: Playback;
}

interface Span {
  from_us: number;
  to_us: number;
}

/* Where a span is on a line as long as the recording. */
function placeOf({ from_us, to_us }: Span, { duration_us }: Manifest) {
  const percent = (us: number) => `${(us / Math.max(1, duration_us)) * 100}%`;
  return { left: percent(from_us), width: percent(to_us - from_us) };
}

function wordsOf({ from_us, to_us }: Span): string {
  return `${formatLength(from_us / 1e6)}–${formatLength(to_us / 1e6)}`;
}

function Spans({ manifest, spans, className }: { manifest: Manifest; spans: readonly Span[]; className: string }) {
  return spans.map((span) => <span key={span.from_us} className={className} title={wordsOf(span)} style={placeOf(span, manifest)} />);
}

/** Where one is; what was not recorded is marked. */
export function Timeline({ manifest, playback }: TimelineProps) {
  const { time } = useStore(playback);
  return (
    <div className="timeline">
      <input
        className="player-seek"
        type="range"
        data-testid="player-seek"
        aria-label={t.recording.seek}
        aria-valuetext={formatLength(time)}
        min={0}
        max={playback.length}
        step={0.1}
        value={time}
        onChange={(event) => playback.seek(event.target.valueAsNumber)}
      />
      <div className="timeline-gaps" data-testid="player-gaps" aria-hidden="true">
        <Spans manifest={manifest} spans={manifest.gaps} className="timeline-gap" />
      </div>
    </div>
  );
}

/** Who was there when, and who showed a screen. */
export function Lanes({ manifest, playback }: TimelineProps) {
  const { time } = useStore(playback);
  const seek = (event: MouseEvent<HTMLElement>) => {
    const { left, width } = event.currentTarget.getBoundingClientRect();
    playback.seek(((event.clientX - left) / width) * playback.length);
  };
  return (
    <ul className="lanes" tabIndex={0} aria-label={t.recording.who} data-testid="player-lanes">
      {lanesOf(manifest).map(({ person, present, screens }) => (
        <li key={person.id} data-testid="player-lane">
          <span className="lane-name">{person.name}</span>
          <span className="visually-hidden">{`: ${present.map(wordsOf).join(", ")}${screens.map((span) => `, ${t.meeting.screenOf(person.name)} ${wordsOf(span)}`).join("")}`}</span>
          <div className="lane" aria-hidden="true" onClick={seek}>
            <Spans manifest={manifest} spans={present} className="lane-present" />
            <Spans manifest={manifest} spans={screens} className="lane-screen" />
            <Spans manifest={manifest} spans={manifest.gaps} className="timeline-gap" />
            <span className="lane-now" style={{ left: `${(time / Math.max(0.001, playback.length)) * 100}%` }} />
          </div>
        </li>
      ))}
    </ul>
  );
}

/** What was written, and a way to when it was. */
export function PlayerChat({ manifest, playback }: TimelineProps) {
  return (
    <ol className="player-chat" data-testid="player-chat">
      {manifest.chat.map(({ t_us, name, text }) => (
        <li key={`${t_us} ${name}`} dir="auto">
          <button type="button" className="button small" onClick={() => playback.seek(t_us / 1e6)}>
            {formatLength(t_us / 1e6)}
          </button>
          <strong>{name}</strong> {text}
        </li>
      ))}
    </ol>
  );
}
