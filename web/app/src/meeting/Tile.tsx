import type { Meeting, Participant, ParticipantQuality, RemoteTrack, SendQuality, Source } from "@plenum/sdk";
import { useState, type MouseEvent } from "react";
import { MicOffIcon, PinIcon, ScreenIcon, WarningIcon } from "../icons.js";
import { hueOf, initials } from "../lib/text.js";
import { t } from "../messages.js";
import { HandBadge } from "./AskPrompt.js";
import { Quality } from "./Quality.js";
import { Video } from "./Video.js";

/** What a tile shows: somebody's camera or screen. */
export interface TileModel {
  key: string;
  participant: Participant;
  source: "camera" | "screen";
  isLocal: boolean;
  /** One's own picture. */
  localTrack: MediaStreamTrack | undefined;
  /** Somebody else's picture, while a slot shows it. */
  remote: RemoteTrack | undefined;
  isSpeaking: boolean;
  send: SendQuality | undefined;
  receive: ParticipantQuality | undefined;
}

interface TileProps {
  meeting: Meeting;
  tile: TileModel;
  isPinned: boolean;
  /** It fills the stage. */
  isMain: boolean;
  isSmall: boolean;
  /** A click anywhere makes it the large one; the button does the same for the keyboard. */
  isChoice: boolean;
  onPin: () => void;
}

export function Tile({ meeting, tile, isPinned, isMain, isSmall, isChoice, onPin }: TileProps) {
  const { participant, isLocal, source } = tile;
  const muted = source === "camera" && isOff(participant, "microphone");
  const name = source === "screen" ? t.meeting.screenOf(participant.name) : participant.name;
  const shown = isLocal && source === "camera" ? t.meeting.nameAndYou(participant.name) : name;
  const paused = pausedBy(tile);
  const choose = ({ target }: MouseEvent) => {
    if (target instanceof Element && !target.closest("button, .quality")) onPin();
  };

  return (
    <article
      className={`tile ${source} ${tile.isSpeaking ? "speaking" : ""} ${isMain ? "main" : ""} ${isSmall ? "small" : ""} ${isChoice ? "choice" : ""}`}
      data-testid="tile"
      data-key={tile.key}
      data-participant={participant.id}
      data-participant-name={participant.name}
      data-source={source}
      data-local={isLocal}
      data-speaking={tile.isSpeaking}
      data-muted={muted}
      aria-label={labelOf(tile, shown, muted)}
      onClick={isChoice ? choose : undefined}
    >
      <div className="tile-empty">
        {source === "camera" ? <span className={`avatar hue-${hueOf(participant.name)}`}>{initials(participant.name)}</span> : <ScreenIcon />}
      </div>
      <Picture tile={tile} />
      {source === "camera" && participant.hand !== undefined && <HandBadge label={t.hands.raised(participant.name)} />}
      {paused && (
        <p className="tile-paused" data-testid="paused" data-reason={paused} title={t.meeting.paused[paused]}>
          <WarningIcon />
          <span>{t.meeting.paused[paused]}</span>
        </p>
      )}
      <footer className="tile-foot">
        <span className="tile-name">
          {muted && <MicOffIcon className="muted-icon" />}
          {source === "screen" && <ScreenIcon />}
          <span className="tile-name-text">{shown}</span>
        </span>
        {source === "camera" && <Quality meeting={meeting} participant={participant.id} name={participant.name} send={tile.send} receive={tile.receive} />}
      </footer>
      <button
        type="button"
        className={`tile-pin ${isPinned ? "pinned" : ""}`}
        data-testid="pin"
        aria-pressed={isPinned}
        aria-label={isPinned ? t.meeting.unpin(name) : t.meeting.pin(name)}
        onClick={onPin}
      >
        <PinIcon />
      </button>
    </article>
  );
}

/* Why somebody's picture stands still. That it is off is seen, and needs no words. */
function pausedBy({ participant, source, remote }: TileModel): keyof typeof t.meeting.paused | undefined {
  if (remote?.state !== "paused" || remote.reason === "muted" || isOff(participant, source)) return undefined;
  return remote.reason === "stopped" || remote.reason === "codec" ? remote.reason : "bandwidth";
}

function isOff({ tracks }: Participant, source: Source): boolean {
  return tracks.find((track) => track.source === source)?.muted ?? true;
}

function labelOf(tile: TileModel, name: string, muted: boolean): string {
  const paused = pausedBy(tile);
  return [
    name,
    ...(tile.source === "camera" && muted ? [t.meeting.muted] : []),
    ...(tile.source === "camera" && isOff(tile.participant, "camera") ? [t.meeting.cameraOff] : []),
    ...(tile.isSpeaking ? [t.meeting.speaking] : []),
    ...(paused ? [t.meeting.paused[paused]] : []),
  ].join(", ");
}

function Picture({ tile }: { tile: TileModel }) {
  const { participant, source, isLocal, localTrack, remote } = tile;
  const fit = source === "screen" ? "contain" : "cover";
  if (isLocal) return localTrack ? <Video key={localTrack.id} track={localTrack} mirrored={source === "camera"} className={`${fit} revealed`} /> : null;
  if (!remote || isOff(participant, source)) return null;
  return <RemotePicture key={`${remote.mid} ${remote.participant} ${remote.source}`} remote={remote} fit={fit} />;
}

/* A slot's picture stays hidden until the first frame of its new showing: before that it holds somebody else's. */
function RemotePicture({ remote, fit }: { remote: RemoteTrack; fit: string }) {
  const [seen, setSeen] = useState(false);
  const visible = seen && remote.state !== "paused";
  return <Video track={remote.mediaTrack} firstTs={remote.firstTs} className={`${fit} ${visible ? "revealed" : ""}`} onFrame={() => setSeen(true)} />;
}
