import type { RecordingItem } from "@plenum/sdk";
import { useEffect, useRef, useState } from "react";
import { Dialog } from "../controls/Dialog.js";
import { correction, formatLength, type Manifest } from "../lib/recording.js";
import type { Session } from "../lib/session.js";
import { t } from "../messages.js";
import { fetchManifest, nameOf } from "./RecordingsDialog.js";

const TICK_MS = 100;
const SPEEDS = [0.5, 1, 1.25, 1.5, 2];
/* A file that fails again so soon does not fail for its token. */
const RENEW_AGAIN_MS = 10_000;
/* Towards its end a file has nothing more to fetch, and is not waited for. Seconds. */
const TAIL = 0.5;

interface RecordingPlayerProps {
  session: Session;
  recording: RecordingItem;
  onClose: () => void;
}

/** Plays all tracks of a recording by one clock. */
export function RecordingPlayer({ session, recording, onClose }: RecordingPlayerProps) {
  const { recordings } = session.meeting;
  const [item, setItem] = useState(recording);
  const [manifest, setManifest] = useState<Manifest>();
  const [failed, setFailed] = useState(false);
  const [playing, setPlaying] = useState(false);
  const [time, setTime] = useState(0);
  const [speed, setSpeed] = useState(1);
  const [volume, setVolume] = useState(1);
  const elements = useRef(new Map<string, HTMLMediaElement>());
  const clock = useRef(0);
  const renewedAt = useRef(-RENEW_AGAIN_MS);

  useEffect(() => {
    const url = recordings.fileUrl(recording, "manifest.json");
    if (!url) return;
    fetchManifest(url).then(setManifest, () => setFailed(true));
  }, [recordings, recording]);

  const length = (manifest?.duration_us ?? 0) / 1e6;
  useEffect(() => {
    if (!manifest) return;
    let last = performance.now();
    const tick = () => {
      const now = performance.now();
      const here = manifest.files.flatMap((file) => {
        const element = elements.current.get(file.file);
        const at = clock.current - file.start_us / 1e6;
        return element && at >= 0 && at < file.duration_us / 1e6 ? [{ element, file, at }] : [];
      });
      /* What one of them still waits for, all wait for. */
      const waits = here.some(({ element, file, at }) => !element.error && element.readyState < HTMLMediaElement.HAVE_FUTURE_DATA && at < file.duration_us / 1e6 - TAIL);
      if (playing && !waits) clock.current = Math.min(length, clock.current + ((now - last) / 1000) * speed);
      last = now;
      for (const { file, start_us } of manifest.files) {
        const element = elements.current.get(file);
        if (!element) continue;
        const at = clock.current - start_us / 1e6;
        const runs = playing && !waits && here.some((other) => other.element === element);
        element.volume = volume;
        if (!runs) element.pause();
        else if (element.paused && !element.ended) element.play().catch(() => undefined);
        if (!here.some((other) => other.element === element) || element.seeking || element.readyState === 0 || element.ended) {
          if (element.ended && at < element.duration - TAIL && at >= 0) element.currentTime = at;
          continue;
        }
        const { rate, seek } = correction(element.currentTime - at, speed);
        element.playbackRate = rate;
        if (seek) element.currentTime = at;
      }
      setTime(clock.current);
      if (playing && clock.current >= length) setPlaying(false);
    };
    const timer = setInterval(tick, TICK_MS);
    return () => clearInterval(timer);
  }, [manifest, playing, speed, volume, length]);

  /* Its token has ended, perhaps: the same recording with a new one. */
  const renew = async () => {
    const now = performance.now();
    if (now - renewedAt.current < RENEW_AGAIN_MS) return;
    renewedAt.current = now;
    try {
      const page = await recordings.list(item.started_at + 1);
      const fresh = page.recordings.find(({ id }) => id === item.id);
      if (fresh?.token === undefined) setFailed(true);
      else setItem(fresh);
    } catch {
      setFailed(true);
    }
  };

  const seekTo = (seconds: number) => {
    clock.current = seconds;
    setTime(seconds);
  };
  const toggle = () => {
    if (!playing && clock.current >= length) seekTo(0);
    setPlaying(!playing);
  };
  const keep = (file: string) => (element: HTMLMediaElement | null) => {
    if (element) elements.current.set(file, element);
    else elements.current.delete(file);
  };

  return (
    <Dialog title={t.recording.player} testId="player" wide onClose={onClose}>
      {failed && <p className="panel-note" role="alert">{t.recording.failed}</p>}
      {!manifest && !failed && <p className="panel-note">{t.recording.loading}</p>}
      <div className="player-grid">
        {manifest?.files.map(({ file, participant, start_us, duration_us, video }) => {
          const source = { ref: keep(file), src: recordings.fileUrl(item, file), preload: "auto", onError: () => void renew() };
          return (
            <div key={file} className="player-tile" data-testid="player-tile" hidden={time < start_us / 1e6 || time > (start_us + duration_us) / 1e6}>
              {video ? <video {...source} playsInline /> : <audio {...source} />}
              <span className="player-name">{nameOf(manifest, participant)}</span>
            </div>
          );
        })}
      </div>
      <div className="player-bar">
        <button type="button" className="button primary" data-testid="player-play" disabled={!manifest} onClick={toggle}>
          {playing ? t.recording.pause : t.recording.play}
        </button>
        <input className="player-seek" type="range" data-testid="player-seek" aria-label={t.recording.seek} aria-valuetext={formatLength(time)} min={0} max={length} step={0.1} value={time} onChange={(event) => seekTo(event.target.valueAsNumber)} />
        <span className="countdown" data-testid="player-time">{`${formatLength(time)} / ${formatLength(length)}`}</span>
        <label>
          {t.recording.volume} <input type="range" min={0} max={1} step={0.05} value={volume} onChange={(event) => setVolume(event.target.valueAsNumber)} />
        </label>
        <label>
          {t.recording.speed}{" "}
          <select className="input small" value={speed} onChange={(event) => setSpeed(Number(event.target.value))}>
            {SPEEDS.map((value) => (
              <option key={value} value={value}>{`${value} ×`}</option>
            ))}
          </select>
        </label>
      </div>
    </Dialog>
  );
}
