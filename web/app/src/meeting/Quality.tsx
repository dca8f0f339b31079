import { isModerator, type Meeting, type ParticipantQuality, type QualityLevel, type SendQuality } from "@plenum/sdk";
import { useEffect, useId, useRef, useState } from "react";
import { readingOf, READINGS, type Reading } from "../lib/history.js";
import { formatBitrate, formatPercent } from "../lib/text.js";
import { t } from "../messages.js";
import { FreezeReport } from "./FreezeReport.js";
import { QualityChart } from "./QualityChart.js";

interface QualityProps {
  meeting: Meeting;
  participant: number;
  name: string;
  send?: SendQuality | undefined;
  receive?: ParticipantQuality | undefined;
}

type Row = [label: string, value: string];

/** Four bars for a connection, with the figures behind them on demand. */
export function Quality({ meeting, participant, name, send, receive }: QualityProps) {
  const [open, setOpen] = useState(false);
  const id = useId();
  const box = useRef<HTMLDivElement>(null);
  const level: QualityLevel = send?.level ?? receive?.level ?? 0;
  const readings = useReadings(send, receive);
  const known = send !== undefined || receive !== undefined;

  useEffect(() => {
    if (!open) return;
    const close = (event: Event) => {
      if (event instanceof KeyboardEvent ? event.key === "Escape" : !box.current?.contains(event.target as Node)) setOpen(false);
    };
    window.addEventListener("pointerdown", close);
    window.addEventListener("keydown", close);
    return () => {
      window.removeEventListener("pointerdown", close);
      window.removeEventListener("keydown", close);
    };
  }, [open]);

  return (
    <div className="quality" ref={box}>
      <button
        type="button"
        className={`quality-button level-${known ? level : "none"}`}
        data-testid="quality"
        data-level={known ? level : undefined}
        aria-label={t.quality.label(name, known ? t.quality.levels[level] : t.quality.waiting)}
        aria-expanded={open}
        aria-controls={id}
        onClick={() => setOpen(!open)}
      >
        <i />
        <i />
        <i />
        <i />
      </button>
      {open && (
        <div className="quality-details" id={id} role="group" data-testid="quality-details">
          <strong>{known ? t.quality.levels[level] : t.quality.waiting}</strong>
          <dl>
            {(send ? sendRows(send) : receiveRows(receive)).map(([label, value]) => (
              <div key={label}>
                <dt>{label}</dt>
                <dd>{value}</dd>
              </div>
            ))}
          </dl>
          {readings.length > 1 && <QualityChart readings={readings} />}
          <FreezeReport meeting={meeting} participant={participant} name={name} isReceiver={participant === meeting.localId || isModerator(meeting.role)} />
        </div>
      )}
    </div>
  );
}

/* Every report brings a new object: that is when a reading is added. */
function useReadings(send: SendQuality | undefined, receive: ParticipantQuality | undefined): readonly Reading[] {
  const report = send ?? receive;
  const [known, setKnown] = useState<{ report: typeof report; readings: readonly Reading[] }>({ report: undefined, readings: [] });
  if (report === undefined || report === known.report) return known.readings;
  const reading = readingOf(send, receive);
  const readings = reading ? [...known.readings.slice(1 - READINGS), reading] : known.readings;
  setKnown({ report, readings });
  return readings;
}

function sendRows(send: SendQuality): Row[] {
  return [
    [t.quality.sending, formatBitrate(send.bitrateBps)],
    [t.quality.loss, formatPercent(send.loss)],
    [t.quality.delay, `${Math.round(send.rttMs)} ms`],
    ...pictureRows(send),
    ...(send.limitedBy === "none" ? [] : ([[t.quality.limited, send.limitedBy]] as Row[])),
  ];
}

function receiveRows(receive: ParticipantQuality | undefined): Row[] {
  const streams = receive?.streams ?? [];
  if (streams.length === 0) return [];
  const video = streams.find((stream) => stream.kind === "video");
  return [
    [t.quality.receiving, formatBitrate(streams.reduce((sum, stream) => sum + stream.bitrateBps, 0))],
    [t.quality.loss, formatPercent(Math.max(...streams.map((stream) => stream.loss)))],
    ...(video ? pictureRows(video) : []),
    ...(video && video.freezes > 0 ? ([[t.quality.freezes, String(video.freezes)]] as Row[]) : []),
  ];
}

function pictureRows(picture: { width: number; height: number; framesPerSecond: number; codec: string }): Row[] {
  if (picture.width === 0) return [];
  return [
    [t.quality.picture, `${picture.width}×${picture.height}, ${Math.round(picture.framesPerSecond)} fps`],
    [t.quality.codec, picture.codec],
  ];
}
