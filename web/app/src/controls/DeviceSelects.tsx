import { useId } from "react";
import type { LocalMedia } from "../lib/localMedia.js";
import { settings } from "../lib/settings.js";
import { useStore } from "../lib/store.js";
import { t } from "../messages.js";

interface SelectProps {
  label: string;
  testId: string;
  devices: readonly MediaDeviceInfo[];
  chosen: string;
  onChoose: (deviceId: string) => void;
}

export function DeviceSelect({ label, testId, devices, chosen, onChoose }: SelectProps) {
  const id = useId();
  const known = devices.some((device) => device.deviceId === chosen);
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <select
        id={id}
        className="input select"
        data-testid={testId}
        value={known ? chosen : ""}
        disabled={devices.length === 0}
        onChange={(event) => onChoose(event.target.value)}
      >
        <option value="">{devices.length === 0 ? t.devices.none : t.devices.standard}</option>
        {devices
          .filter((device) => device.deviceId !== "default")
          .map((device, i) => (
            <option key={device.deviceId} value={device.deviceId}>
              {device.label || t.devices.numbered(label, i + 1)}
            </option>
          ))}
      </select>
    </div>
  );
}

/** Choice of microphone, camera and, where the browser can, speaker. */
export function DeviceSelects({ local }: { local: LocalMedia }) {
  const { devices } = useStore(local);
  const { microphone, camera, speaker } = useStore(settings);
  const canChooseSpeaker = "setSinkId" in HTMLMediaElement.prototype && devices.speakers.length > 0;
  return (
    <div className="device-selects">
      <DeviceSelect
        label={t.devices.camera}
        testId="select-camera"
        devices={devices.cameras}
        chosen={camera}
        onChoose={(id) => void local.choose("camera", id)}
      />
      <DeviceSelect
        label={t.devices.microphone}
        testId="select-microphone"
        devices={devices.microphones}
        chosen={microphone}
        onChoose={(id) => void local.choose("microphone", id)}
      />
      {canChooseSpeaker && (
        <DeviceSelect
          label={t.devices.speaker}
          testId="select-speaker"
          devices={devices.speakers}
          chosen={speaker}
          onChoose={(id) => settings.set({ speaker: id })}
        />
      )}
    </div>
  );
}
