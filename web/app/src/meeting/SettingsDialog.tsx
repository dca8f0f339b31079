import { useEffect, useRef } from "react";
import { DeviceSelects } from "../controls/DeviceSelects.js";
import { LevelBar } from "../controls/LevelBar.js";
import { PageSelects, SavingSwitches } from "../controls/PageSettings.js";
import { NotificationSwitches } from "../controls/NotificationSwitches.js";
import { CloseIcon } from "../icons.js";
import type { LocalMedia } from "../lib/localMedia.js";
import { adviceOn } from "../lib/session.js";
import { useStore } from "../lib/store.js";
import { t } from "../messages.js";

const KINDS = ["camera", "microphone"] as const;

export function SettingsDialog({ local, onClose }: { local: LocalMedia; onClose: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const own = useStore(local);
  useEffect(() => {
    dialog.current?.showModal();
  }, []);
  return (
    <dialog className="dialog" ref={dialog} onClose={onClose} aria-label={t.settings.title} data-testid="settings-dialog">
      <header className="panel-head">
        <h2>{t.settings.title}</h2>
        <button type="button" className="icon-button" data-testid="settings-close" aria-label={t.controls.close} onClick={() => dialog.current?.close()}>
          <CloseIcon />
        </button>
      </header>
      <h3>{t.settings.about}</h3>
      <DeviceSelects local={local} />
      {KINDS.map((kind) => {
        const { problem } = own[kind];
        return (
          problem && (
            <p key={kind} className="problem" role="alert" data-testid={`problem-${kind}`}>
              {adviceOn(kind, problem)}
            </p>
          )
        );
      })}
      <LevelBar track={own.microphone.on ? own.microphone.track : undefined} />
      <h3>{t.notifications.title}</h3>
      <NotificationSwitches />
      <h3>{t.settings.saving}</h3>
      <SavingSwitches />
      <h3>{t.settings.page}</h3>
      <PageSelects />
    </dialog>
  );
}
