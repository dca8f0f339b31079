import type { RecordingItem } from "@plenum/sdk";
import { useEffect, useMemo, useRef, useState, type KeyboardEvent } from "react";
import { Dialog } from "../controls/Dialog.js";
import { PauseIcon, PlayIcon, SpeakerIcon, SpeakerOffIcon } from "../icons.js";
import { formatNumber } from "../lib/language.js";
import { arrange } from "../lib/layout.js";
import { Playback, SPEEDS } from "../lib/playback.js";
import { keyPlace, playerAction } from "../lib/playerKeys.js";
import { fetchManifest, formatLength, type Manifest } from "../lib/recording.js";
import { keepFresh, RecordingLinks } from "../lib/recordingLinks.js";
import { neededFiles, sceneAt } from "../lib/scene.js";
import type { Session } from "../lib/session.js";
import { useStore } from "../lib/store.js";
import { useSize } from "../lib/useSize.js";
import { t } from "../messages.js";
import { PlayerTile } from "./PlayerTile.js";
import { Lanes, PlayerChat, Timeline } from "./PlayerTimeline.js";
import { RecordingFiles } from "./RecordingFiles.js";

const LEAP_S = 10;

interface RecordingPlayerProps {
  session: Session;
  recording: RecordingItem;
  onClose: () => void;
}

/** Plays all tracks of a recording together. */
export function RecordingPlayer({ session, recording, onClose }: RecordingPlayerProps) {
  const { recordings } = session.meeting;
  const [links] = useState(() => new RecordingLinks(recordings, recording));
  const [manifest, setManifest] = useState<Manifest>();
  const [failed, setFailed] = useState(false);
  const playback = useMemo(() => manifest && new Playback(manifest.files, manifest.duration_us / 1e6), [manifest]);

  useEffect(() => {
    fetchManifest(links.url("manifest.json")).then(setManifest, () => setFailed(true));
  }, [links]);
  useEffect(() => playback?.run(), [playback]);

  /* The meeting's own keys rest while the player is open. */
  const onKeyDown = (event: KeyboardEvent) => {
    event.stopPropagation();
    const action = event.ctrlKey || event.metaKey || event.altKey ? undefined : playerAction(event.key, keyPlace(event.target));
    if (!action || !playback) return;
    event.preventDefault();
    action(playback);
  };

  return (
    <Dialog title={t.recording.player} testId="player" size="full" onKeyDown={onKeyDown} onClose={onClose}>
      {failed && <p className="panel-note" role="alert">{t.recording.failed}</p>}
      {!manifest && !failed && <p className="panel-note">{t.recording.loading}</p>}
      {manifest && playback && <Player manifest={manifest} playback={playback} links={links} />}
    </Dialog>
  );
}

interface PlayerProps {
  manifest: Manifest;
  playback: Playback;
  links: RecordingLinks;
}

function Player({ manifest, playback, links }: PlayerProps) {
  return (
    <div className="player">
      <PlayerStage manifest={manifest} playback={playback} links={links} />
      <Timeline manifest={manifest} playback={playback} />
      <PlayerBar playback={playback} />
      <div className="player-more">
        <details data-testid="player-people">
          <summary>{t.recording.who}</summary>
          <Lanes manifest={manifest} playback={playback} />
        </details>
        {manifest.chat.length > 0 && (
          <details data-testid="player-messages">
            <summary>{t.chat.title}</summary>
            <PlayerChat manifest={manifest} playback={playback} />
          </details>
        )}
        <details data-testid="player-files">
          <summary>{t.recording.files}</summary>
          <Files manifest={manifest} links={links} />
        </details>
      </div>
    </div>
  );
}

function PlayerStage({ manifest, playback, links }: PlayerProps) {
  const { time, waiting } = useStore(playback);
  const stage = useRef<HTMLDivElement>(null);
  const { width, height } = useSize(stage);
  const { tiles, gap } = sceneAt(manifest, time * 1e6);
  const screens = tiles.filter(({ source }) => source === "screen").length;
  const rects = arrange(screens, tiles.length - screens, width, height);
  const common = { playback, links };
  return (
    <div className="player-stage" data-testid="player-stage" data-waiting={waiting} ref={stage}>
      {neededFiles(manifest, time * 1e6).map((file) => {
        const at = tiles.findIndex((tile) => tile.file === file);
        return <PlayerTile key={file.file} {...common} file={file} tile={tiles[at]} rect={rects[at]} />;
      })}
      {tiles.map((tile, at) => !tile.file && <PlayerTile key={tile.key} {...common} file={undefined} tile={tile} rect={rects[at]} />)}
      {gap && (
        <div className="player-gap" data-testid="player-gap">
          <span role="status">{t.recording.gap}</span>
          <button type="button" className="button small" data-testid="player-skip" onClick={() => playback.seek(gap.to_us / 1e6)}>
            {t.recording.skip}
          </button>
        </div>
      )}
      {waiting && (
        <p className="player-waiting" role="status">
          {t.recording.loading}
        </p>
      )}
    </div>
  );
}

function PlayerBar({ playback }: { playback: Playback }) {
  const { time, playing, speed, volume, muted } = useStore(playback);
  const play = useRef<HTMLButtonElement>(null);
  useEffect(() => play.current?.focus(), []);
  const leap = (by: number, id: string, label: string) => (
    <button type="button" className="button small" data-testid={id} title={label} onClick={() => playback.step(by)}>
      {by < 0 ? `−${LEAP_S} s` : `+${LEAP_S} s`}
    </button>
  );
  return (
    <div className="player-bar">
      <button type="button" ref={play} className="button primary small" data-testid="player-play" aria-keyshortcuts="Space K" onClick={() => playback.toggle()}>
        {playing ? <PauseIcon /> : <PlayIcon />}
        {playing ? t.recording.pause : t.recording.play}
      </button>
      {leap(-LEAP_S, "player-back", t.recording.back(LEAP_S))}
      {leap(LEAP_S, "player-forward", t.recording.forward(LEAP_S))}
      <span className="countdown" data-testid="player-time">{`${formatLength(time)} / ${formatLength(playback.length)}`}</span>
      <span className="spacer" />
      <button type="button" className="icon-button" data-testid="player-mute" aria-pressed={muted} aria-label={t.recording.mute} title={t.recording.mute} onClick={() => playback.toggleMuted()}>
        {muted || volume === 0 ? <SpeakerOffIcon /> : <SpeakerIcon />}
      </button>
      <input className="player-volume" type="range" data-testid="player-volume" aria-label={t.recording.volume} min={0} max={1} step={0.05} value={muted ? 0 : volume} onChange={(event) => playback.setVolume(event.target.valueAsNumber)} />
      <select className="input small" data-testid="player-speed" aria-label={t.recording.speed} value={speed} onChange={(event) => playback.setSpeed(Number(event.target.value))}>
        {SPEEDS.map((value) => (
          <option key={value} value={value}>{`${formatNumber(value, String(value).split(".")[1]?.length)} ×`}</option>
        ))}
      </select>
    </div>
  );
}

function Files({ manifest, links }: { manifest: Manifest; links: RecordingLinks }) {
  const [, redraw] = useState(0);
  useEffect(() => {
    const renew = async () => {
      const end = await links.renew();
      redraw((count) => count + 1);
      return end;
    };
    return keepFresh(renew);
  }, [links]);
  return <RecordingFiles manifest={manifest} url={(file) => links.url(file)} />;
}
