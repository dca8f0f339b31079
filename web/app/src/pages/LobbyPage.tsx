import { PlenumError, TEXT_LIMITS, type MediaReason, type PlenumErrorCode } from "@plenum/sdk";
import { useEffect, useState, type SubmitEvent } from "react";
import { DeviceSelects } from "../controls/DeviceSelects.js";
import { LevelBar } from "../controls/LevelBar.js";
import { CameraIcon, CameraOffIcon, Logo, MicIcon, MicOffIcon, WarningIcon } from "../icons.js";
import type { LocalMedia } from "../lib/localMedia.js";
import { isPhone } from "../lib/phone.js";
import { cut } from "../lib/room.js";
import type { Credentials } from "../lib/session.js";
import { settings } from "../lib/settings.js";
import { useStore } from "../lib/store.js";
import { hueOf, initials } from "../lib/text.js";
import { Video } from "../meeting/Video.js";
import { t } from "../messages.js";

interface LobbyPageProps {
  room: string;
  /** By which one will be known, whatever one would type. */
  givenName: string | undefined;
  local: LocalMedia;
  /** Why one was turned away, when one waited. */
  refusal: PlenumErrorCode | undefined;
  onJoin: (name: string, credentials: Credentials) => Promise<void>;
  onHome: () => void;
}

export function LobbyPage({ room, givenName, local, refusal, onJoin, onHome }: LobbyPageProps) {
  const { microphone, camera } = useStore(local);
  const [name, setName] = useState(givenName ?? settings.get().name);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState(refusal ? (t.joinErrors[refusal] ?? t.lobby.failed) : "");
  const [password, setPassword] = useState<string>();

  useEffect(() => {
    void local.start();
  }, [local]);

  const join = async (listenOnly: boolean) => {
    const finalName = cut(name.trim(), TEXT_LIMITS.join.name);
    if (!finalName) {
      setProblem(t.lobby.nameMissing);
      return;
    }
    if (givenName === undefined) settings.set({ name: finalName });
    if (listenOnly) local.close();
    setBusy(true);
    setProblem("");
    try {
      await onJoin(finalName, password ? { password } : {});
    } catch (error) {
      setBusy(false);
      if (error instanceof PlenumError && error.code === "password") {
        setProblem(password ? t.lobby.passwordWrong : t.joinErrors.password ?? "");
        setPassword("");
        return;
      }
      setProblem((error instanceof PlenumError && t.joinErrors[error.code]) || t.lobby.failed);
    }
  };

  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    void join(false);
  };

  return (
    <main className="page lobby" data-testid="lobby">
      <header className="brand">
        <button type="button" className="brand-link" onClick={onHome} aria-label={`${t.product}: ${t.left.home}`}>
          <Logo />
          <span>{t.product}</span>
        </button>
      </header>
      <div className="lobby-body">
        <Preview local={local} name={name} />
        <form className="lobby-form" onSubmit={submit}>
          <p className="room-chip">{room}</p>
          <h1>{t.lobby.title}</h1>
          <label className="field">
            <span>{t.lobby.nameLabel}</span>
            <input
              className="input"
              data-testid="display-name"
              value={name}
              placeholder={t.lobby.namePlaceholder}
              autoComplete="name"
              readOnly={givenName !== undefined}
              maxLength={TEXT_LIMITS.join.name}
              onChange={(event) => {
                setName(event.target.value);
                setProblem("");
              }}
            />
          </label>
          {password !== undefined && (
            <label className="field">
              <span>{t.lobby.password}</span>
              <input
                className="input"
                type="password"
                data-testid="room-password"
                value={password}
                autoComplete="off"
                autoFocus
                maxLength={TEXT_LIMITS.join.password}
                onChange={(event) => setPassword(event.target.value)}
              />
            </label>
          )}
          <details className="device-details" open={!isPhone()}>
            <summary data-testid="device-details">{t.lobby.devices}</summary>
            <DeviceSelects local={local} />
          </details>
          {problem && (
            <p className="problem" role="alert" data-testid="join-problem">
              {problem}
            </p>
          )}
          <div className="join-buttons">
            <button type="submit" className="button primary wide" data-testid="join" disabled={busy}>
              {busy ? t.lobby.joining : microphone.on ? t.lobby.joinSpeaking : t.lobby.join}
            </button>
            <button type="button" className="button wide" data-testid="join-listening" disabled={busy} onClick={() => void join(true)}>
              {t.lobby.joinListening}
            </button>
          </div>
          <DeviceProblems microphone={microphone.problem} camera={camera.problem} local={local} />
        </form>
      </div>
    </main>
  );
}

function Preview({ local, name }: { local: LocalMedia; name: string }) {
  const { microphone, camera } = useStore(local);
  return (
    <section className="preview">
      <div className="preview-picture" data-testid="preview">
        {camera.on && camera.track ? (
          <Video track={camera.track} mirrored className="cover" />
        ) : (
          <div className="preview-empty">
            <span className={`avatar hue-${hueOf(name)}`}>{initials(name)}</span>
            <span>{camera.starting ? t.lobby.cameraStarting : t.lobby.cameraOff}</span>
          </div>
        )}
        <div className="preview-controls">
          <button
            type="button"
            className={`round-button ${microphone.on ? "" : "off"}`}
            data-testid="toggle-mic"
            aria-pressed={microphone.on}
            aria-label={microphone.on ? t.controls.micOn : t.controls.micOff}
            onClick={() => void local.toggle("microphone")}
          >
            {microphone.on ? <MicIcon /> : <MicOffIcon />}
          </button>
          <button
            type="button"
            className={`round-button ${camera.on ? "" : "off"}`}
            data-testid="toggle-camera"
            aria-pressed={camera.on}
            aria-label={camera.on ? t.controls.camOn : t.controls.camOff}
            onClick={() => void local.toggle("camera")}
          >
            {camera.on ? <CameraIcon /> : <CameraOffIcon />}
          </button>
        </div>
      </div>
      <div className="preview-level">
        <LevelBar track={microphone.on ? microphone.track : undefined} />
        <span>{microphone.on ? t.lobby.micQuiet : t.lobby.micOff}</span>
      </div>
    </section>
  );
}

interface DeviceProblemsProps {
  microphone: MediaReason | undefined;
  camera: MediaReason | undefined;
  local: LocalMedia;
}

/* The same trouble with both is told once. */
function DeviceProblems({ microphone, camera, local }: DeviceProblemsProps) {
  if (!microphone && !camera) return null;
  const both = microphone === camera;
  const rows = [
    ...(camera ? [{ kind: "camera" as const, reason: camera, what: both ? `${t.devices.camera}, ${t.devices.microphone}` : t.devices.camera }] : []),
    ...(microphone && !both ? [{ kind: "microphone" as const, reason: microphone, what: t.devices.microphone }] : []),
  ];
  const retry = () => {
    if (camera) void local.turn("camera", true);
    if (microphone) void local.turn("microphone", true);
  };
  return (
    <div className="help" role="status" data-testid="device-help">
      {rows.map(({ kind, reason, what }) => (
        <div key={kind} className="help-row">
          <WarningIcon />
          <div>
            <strong>
              {what}: {t.deviceHelp[reason].title}
            </strong>
            <p>{t.deviceHelp[reason].help}</p>
          </div>
        </div>
      ))}
      <div className="help-foot">
        <span>{t.lobby.withoutDevices}</span>
        <button type="button" className="button small" data-testid="retry-devices" onClick={retry}>
          {t.lobby.retry}
        </button>
      </div>
    </div>
  );
}
