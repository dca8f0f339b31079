import { useEffect, useRef } from "react";

interface VideoProps {
  track: MediaStreamTrack;
  mirrored?: boolean;
  className?: string;
  /** RTP timestamp of the first frame that belongs here: frames before it are those of somebody else. */
  firstTs?: number | undefined;
  /** Called once, when the first frame that belongs here is on the screen. */
  onFrame?: () => void;
}

/* A frame of the showing that carries no usable timestamp counts after this time. */
const PATIENCE_MS = 1500;

/** A picture without sound: sound has its own elements, so that it goes on when a tile is out of sight. */
export function Video({ track, mirrored = false, className = "", firstTs, onFrame }: VideoProps) {
  const element = useRef<HTMLVideoElement>(null);
  const told = useRef(onFrame);
  useEffect(() => {
    told.current = onFrame;
  });

  useEffect(() => {
    const video = element.current;
    if (!video) return;
    video.srcObject = new MediaStream([track]);
    video.play().catch(() => undefined);
    return () => {
      video.srcObject = null;
    };
  }, [track]);

  useEffect(() => {
    const video = element.current;
    if (!video) return;
    if (!("requestVideoFrameCallback" in video)) {
      const onPlaying = () => told.current?.();
      (video as HTMLVideoElement).addEventListener("playing", onPlaying);
      return () => (video as HTMLVideoElement).removeEventListener("playing", onPlaying);
    }
    const since = performance.now();
    let handle = 0;
    const wait = () => {
      handle = video.requestVideoFrameCallback((now, { rtpTimestamp }) => {
        if (now - since > PATIENCE_MS || isReached(rtpTimestamp, firstTs)) told.current?.();
        else wait();
      });
    };
    wait();
    return () => video.cancelVideoFrameCallback(handle);
  }, [track, firstTs]);

  return <video ref={element} className={`video ${className} ${mirrored ? "mirrored" : ""}`} autoPlay playsInline muted />;
}

/* RTP timestamps are numbers modulo 2^32. */
function isReached(timestamp: number | undefined, first: number | undefined): boolean {
  if (timestamp === undefined || first === undefined) return true;
  return ((timestamp - first) | 0) >= 0;
}
