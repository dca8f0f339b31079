import { useEffect, useRef, useState } from "react";
import { SpeakerIcon } from "../icons.js";
import { settings } from "../lib/settings.js";
import { useStore } from "../lib/store.js";
import { t } from "../messages.js";

interface SoundProps {
  stream: MediaStream;
  speaker: string;
  /** Changes when the person has clicked: then playing may be tried again. */
  attempt: number;
  onBlocked: () => void;
}

function Sound({ stream, speaker, attempt, onBlocked }: SoundProps) {
  const element = useRef<HTMLAudioElement>(null);
  useEffect(() => {
    const audio = element.current;
    if (!audio) return;
    audio.srcObject = new MediaStream(stream.getAudioTracks());
    return () => {
      audio.srcObject = null;
    };
  }, [stream]);
  useEffect(() => {
    element.current?.play().catch((error: unknown) => {
      if (error instanceof DOMException && error.name === "NotAllowedError") onBlocked();
    });
  }, [stream, attempt, onBlocked]);
  useEffect(() => {
    /* Not every browser can choose; and where the chosen speaker is gone the default one goes on. */
    if ("setSinkId" in HTMLMediaElement.prototype) element.current?.setSinkId(speaker).catch(() => undefined);
  }, [speaker]);
  return <audio ref={element} autoPlay hidden data-testid="audio-slot" />;
}

/** Plays every slot that has sound, for the whole meeting, whoever is in it. */
export function AudioOutput({ streams }: { streams: readonly MediaStream[] }) {
  const { speaker } = useStore(settings);
  const [blocked, setBlocked] = useState(false);
  const [attempt, setAttempt] = useState(0);
  const [onBlocked] = useState(() => () => setBlocked(true));
  const hear = () => {
    setBlocked(false);
    setAttempt(attempt + 1);
  };
  return (
    <>
      {streams.map((stream) => (
        <Sound key={stream.id} stream={stream} speaker={speaker} attempt={attempt} onBlocked={onBlocked} />
      ))}
      {blocked && (
        <button type="button" className="button primary hear" data-testid="hear" onClick={hear}>
          <SpeakerIcon />
          {t.meeting.hear}
        </button>
      )}
    </>
  );
}
