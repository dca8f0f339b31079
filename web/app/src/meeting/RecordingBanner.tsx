import { isRecording, type RecordingStatus } from "@plenum/sdk";
import { useState } from "react";
import { Confirm } from "../controls/Dialog.js";
import { CloseIcon } from "../icons.js";
import { useNow } from "../lib/clock.js";
import { formatLength, isFault, leadsRecording } from "../lib/recording.js";
import type { Session } from "../lib/session.js";
import { useStore } from "../lib/store.js";
import { t } from "../messages.js";

/** Tells everybody that the meeting is recorded, and when that went wrong. */
export function RecordingBanner({ session, onStop }: { session: Session; onStop: () => void }) {
  const { recording, role } = useStore(session);
  const { status } = recording;
  const [dismissed, setDismissed] = useState<RecordingStatus>();
  const now = useNow(session.meeting, status?.state === "on");
  const running = isRecording(status);
  const shown = status && (running || (isFault(status.reason) && status !== dismissed)) ? status : undefined;
  return (
    <>
      {/* It is there before it says something: only then do screen readers read what it says. */}
      <span className="visually-hidden" role="status" data-testid="recording-status">
        {shown && textOf(shown)}
      </span>
      {shown && (
        <div className={`recording-banner ${shown.state}`} data-testid="recording-banner" data-state={shown.state}>
          <span className="recording-dot" aria-hidden="true" />
          <span aria-hidden="true">{textOf(shown)}</span>
          {shown.state === "on" && (
            <span className="countdown" role="timer" data-testid="recording-time">
              {formatLength((now - shown.since) / 1000)}
            </span>
          )}
          <span className="spacer" />
          {running && leadsRecording(recording, role) && (
            <button type="button" className="button small" data-testid="recording-stop" onClick={onStop}>
              {t.recording.stop}
            </button>
          )}
          {!running && (
            <button type="button" className="icon-button" data-testid="recording-dismiss" aria-label={t.controls.close} onClick={() => setDismissed(shown)}>
              <CloseIcon />
            </button>
          )}
        </div>
      )}
    </>
  );
}

function textOf({ state, reason }: RecordingStatus): string {
  const why = reason && isFault(reason) ? ` ${t.recording.reasons[reason]}` : "";
  if (state === "failed") return t.recording.states.failed + "." + why;
  if (state === "closing" || state === "ready") return `${t.recording.over}${why}`;
  return t.recording.banner[state] + why;
}

interface RecordingConfirmProps {
  session: Session;
  /** What is asked. */
  what: "start" | "stop";
  onClose: () => void;
}

/** Says what is recorded, and that everybody is told, before it begins. */
export function RecordingConfirm({ session, what, onClose }: RecordingConfirmProps) {
  const { recordings } = session.meeting;
  const words = what === "start" ? t.recording.startDialog : t.recording.stopDialog;
  return (
    <Confirm
      title={words.title}
      testId={`recording-${what}-dialog`}
      confirm={words.confirm}
      cancel={t.recording.cancel}
      onConfirm={() => session.run(what === "start" ? recordings.start() : recordings.stop())}
      onClose={onClose}
    >
      <p>{words.text}</p>
    </Confirm>
  );
}
