import { useEffect, useRef, useState } from "react";
import { MicOffIcon, ScreenIcon } from "../icons.js";
import type { Rect } from "../lib/layout.js";
import type { Playback } from "../lib/playback.js";
import type { ManifestFile } from "../lib/recording.js";
import { playedUrl, type RecordingLinks } from "../lib/recordingLinks.js";
import type { SceneTile } from "../lib/scene.js";
import { hueOf, initials } from "../lib/text.js";
import { t } from "../messages.js";

interface PlayerTileProps {
  /** What it shows now; undefined: it only loads, or is only heard. */
  tile: SceneTile | undefined;
  rect: Rect | undefined;
  /** What it plays; undefined: somebody who sent nothing. */
  file: ManifestFile | undefined;
  playback: Playback;
  links: RecordingLinks;
}

/** Somebody's camera or screen. A file's element stays the same one as long as the file is needed. */
export function PlayerTile({ tile, rect, file, playback, links }: PlayerTileProps) {
  const name = tile && (tile.source === "screen" ? t.meeting.screenOf(tile.person.name) : tile.person.name);
  return (
    <div
      className={`player-tile ${tile?.source ?? ""} ${tile?.isSpeaking ? "speaking" : ""}`}
      data-testid="player-tile"
      data-source={tile?.source}
      data-start={(file?.start_us ?? 0) / 1e6}
      hidden={!tile || !rect}
      style={rect}
    >
      {tile && (
        <div className="tile-empty">
          {tile.source === "camera" ? <span className={`avatar hue-${hueOf(tile.person.name)}`}>{initials(tile.person.name)}</span> : <ScreenIcon />}
        </div>
      )}
      {file && <Media file={file} playback={playback} links={links} isShown={tile?.hasPicture ?? false} />}
      {tile && (
        <span className="player-name">
          {tile.isMuted && <MicOffIcon className="muted-icon" />}
          {name}
          {tile.isMuted && <span className="visually-hidden">{`, ${t.meeting.muted}`}</span>}
        </span>
      )}
    </div>
  );
}

interface MediaProps {
  file: ManifestFile;
  playback: Playback;
  links: RecordingLinks;
  isShown: boolean;
}

function Media({ file, playback, links, isShown }: MediaProps) {
  const element = useRef<HTMLVideoElement & HTMLAudioElement>(null);
  const [src, setSrc] = useState(() => links.url(file.file));
  const [broken, setBroken] = useState(false);
  /* A new address is a new beginning for the element. */
  useEffect(() => {
    playback.attach(file.file, element.current);
    return () => playback.attach(file.file, null);
  }, [playback, file.file, src]);
  const onError = () => {
    links.renewed(file.file, src ?? "").then(setSrc, () => setBroken(true));
  };
  const source = { ref: element, src: src && playedUrl(src), preload: "auto", onError };
  return (
    <>
      {file.video ? <video {...source} playsInline className={isShown ? "" : "covered"} /> : <audio {...source} />}
      {broken && (
        <p className="player-broken" role="alert">
          {t.recording.failed}
        </p>
      )}
    </>
  );
}
