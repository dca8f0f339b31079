import { MediaError, openContentCamera, type MediaReason } from "@plenum/sdk";
import { useEffect, useRef, useState } from "react";
import { DeviceSelect } from "../controls/DeviceSelects.js";
import { Dialog } from "../controls/Dialog.js";
import { WarningIcon } from "../icons.js";
import type { LocalMedia, LocalState } from "../lib/localMedia.js";
import { isPhone } from "../lib/phone.js";
import { useStore } from "../lib/store.js";
import { t } from "../messages.js";
import { Video } from "./Video.js";

interface ContentDialogProps {
  local: LocalMedia;
  onClose: () => void;
}

/** Shows a camera as a screen is shown: first to oneself, then to everybody. */
export function ContentDialog({ local, onClose }: ContentDialogProps) {
  const { devices, camera } = useStore(local);
  const [chosen, setChosen] = useState(() => (isPhone() ? "" : otherCamera(devices.cameras, camera)));
  const { track, problem, give } = useContentCamera(chosen);
  const show = () => {
    const given = give();
    if (given) local.shareCamera(given);
    onClose();
  };
  return (
    <Dialog title={t.content.title} testId="content-dialog" onClose={onClose}>
      <div className="content-choice">
        <p>{t.content.text}</p>
        <div className="content-preview" data-testid="content-preview">
          {track && <Video key={track.id} track={track} className="contain" />}
          {problem && (
            <p className="content-problem" role="alert">
              <WarningIcon />
              <span>
                <strong>{t.deviceHelp[problem].title}</strong> {t.deviceHelp[problem].help}
              </span>
            </p>
          )}
        </div>
        <DeviceSelect label={t.devices.camera} testId="content-camera" devices={devices.cameras} chosen={chosen} onChoose={setChosen} />
        <div className="dialog-foot">
          <button type="button" className="button" data-testid="content-cancel" onClick={onClose}>
            {t.content.cancel}
          </button>
          <button type="button" className="button primary" data-testid="content-start" disabled={!track} onClick={show}>
            {t.content.start}
          </button>
        </div>
      </div>
    </Dialog>
  );
}

/* The camera that does not show the person already. */
function otherCamera(cameras: readonly MediaDeviceInfo[], { track }: LocalState["camera"]): string {
  const used = track?.getSettings().deviceId ?? cameras[0]?.deviceId;
  return cameras.find((camera) => camera.deviceId !== used)?.deviceId ?? "";
}

interface Opened {
  track?: MediaStreamTrack;
  problem?: MediaReason;
}

/* Open while the dialog is, and closed with it, unless it was given away. */
function useContentCamera(device: string) {
  const [opened, setOpened] = useState<Opened>({});
  const isGiven = useRef(false);
  useEffect(() => {
    let mine: MediaStreamTrack | undefined;
    let isOver = false;
    const open = async () => {
      try {
        const track = await openContentCamera(device || undefined);
        if (isOver) track.stop();
        else setOpened({ track: (mine = track) });
      } catch (error) {
        if (!isOver) setOpened({ problem: error instanceof MediaError ? error.reason : "failed" });
      }
    };
    void open();
    return () => {
      isOver = true;
      if (!isGiven.current) mine?.stop();
    };
  }, [device]);
  const give = () => {
    isGiven.current = opened.track !== undefined;
    return opened.track;
  };
  return { ...opened, give };
}
