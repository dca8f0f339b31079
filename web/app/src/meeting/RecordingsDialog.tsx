import type { RecordingItem } from "@plenum/sdk";
import { useCallback, useEffect, useState } from "react";
import { Confirm, Dialog } from "../controls/Dialog.js";
import { formatTime, spoken } from "../lib/language.js";
import { fetchManifest, formatLength, formatSize, isFault, type Manifest } from "../lib/recording.js";
import { keepFresh } from "../lib/recordingLinks.js";
import type { Session } from "../lib/session.js";
import { useStore } from "../lib/store.js";
import { t } from "../messages.js";
import { RecordingFiles } from "./RecordingFiles.js";
import { RecordingPlayer } from "./RecordingPlayer.js";

/** What was recorded of this room, for those who may see it. */
export function RecordingsDialog({ session, onClose }: { session: Session; onClose: () => void }) {
  const { recordings } = session.meeting;
  const { status } = useStore(session).recording;
  const [list, setList] = useState<readonly RecordingItem[]>();
  const [more, setMore] = useState(false);
  const [failed, setFailed] = useState(false);
  const [removing, setRemoving] = useState<RecordingItem>();
  const [playing, setPlaying] = useState<RecordingItem>();

  const load = useCallback(async () => {
    try {
      const page = await recordings.list();
      setList(page.recordings);
      setMore(page.more);
      setFailed(false);
      return page.tokensEndAt;
    } catch {
      setFailed(true);
      return 0;
    }
  }, [recordings]);
  useEffect(() => keepFresh(load), [load, status?.state]);

  const older = async () => {
    const page = await recordings.list(list?.at(-1)?.started_at);
    setList([...(list ?? []), ...page.recordings]);
    setMore(page.more);
  };

  if (playing) return <RecordingPlayer session={session} recording={playing} onClose={() => setPlaying(undefined)} />;
  if (removing) {
    const remove = () => session.run(recordings.delete(removing.id).then(load));
    return (
      <Confirm title={t.recording.removeDialog.title} testId="recording-delete-dialog" confirm={t.recording.removeDialog.confirm} cancel={t.recording.cancel} onConfirm={remove} onClose={() => setRemoving(undefined)}>
        <p>{t.recording.removeDialog.text}</p>
      </Confirm>
    );
  }
  return (
    <Dialog title={t.recording.list} testId="recordings-dialog" size="wide" onClose={onClose}>
      {failed && <p className="panel-note" role="alert">{t.recording.failed}</p>}
      {!list && !failed && <p className="panel-note">{t.recording.loading}</p>}
      {list?.length === 0 && <p className="panel-note" data-testid="recordings-none">{t.recording.none}</p>}
      <ul className="recordings">
        {list?.map((item) => (
          <Row key={item.id} session={session} item={item} onPlay={() => setPlaying(item)} onRemove={() => setRemoving(item)} />
        ))}
      </ul>
      {more && (
        <button type="button" className="button" onClick={() => session.run(older())}>
          {t.recording.older}
        </button>
      )}
    </Dialog>
  );
}

interface RowProps {
  session: Session;
  item: RecordingItem;
  onPlay: () => void;
  onRemove: () => void;
}

function Row({ session, item, onPlay, onRemove }: RowProps) {
  const [manifest, setManifest] = useState<Manifest>();
  const { recordings } = session.meeting;
  const url = recordings.fileUrl(item, "manifest.json");
  const showFiles = async () => setManifest(manifest ? undefined : await fetchManifest(url));
  const day = new Intl.DateTimeFormat(spoken.get().language, { dateStyle: "medium" }).format(item.started_at);
  const why = item.reason && isFault(item.reason) ? ` · ${t.recording.reasons[item.reason]}` : "";
  return (
    <li className="recording-row" data-testid="recording" data-state={item.state}>
      <span className="recording-what">
        <strong>{`${day}, ${formatTime(item.started_at)}`}</strong>
        <small>{`${formatLength(item.seconds)} · ${formatSize(item.size_kb * 1000)} · ${t.recording.states[item.state]}${why}`}</small>
      </span>
      {url && (
        <>
          <button type="button" className="button small primary" data-testid="recording-play" onClick={onPlay}>
            {t.recording.play}
          </button>
          <button type="button" className="button small" data-testid="recording-files" aria-expanded={manifest !== undefined} onClick={() => session.run(showFiles())}>
            {t.recording.files}
          </button>
        </>
      )}
      <button type="button" className="button small" data-testid="recording-delete" onClick={onRemove}>
        {t.recording.remove}
      </button>
      {manifest && <RecordingFiles manifest={manifest} url={(file) => recordings.fileUrl(item, file)} />}
    </li>
  );
}
