import type { ReactNode } from "react";
import { canShareScreen } from "@plenum/sdk";
import { CameraIcon, CameraOffIcon, ChatIcon, HandIcon, LeaveIcon, MicIcon, MicOffIcon, PeopleIcon, ScreenIcon, ScreenOffIcon, SettingsIcon } from "../icons.js";
import { t } from "../messages.js";

export type Panel = "chat" | "people" | undefined;

interface ControlBarProps {
  micOn: boolean;
  cameraOn: boolean;
  sharing: boolean;
  panel: Panel;
  unread: number;
  people: number;
  /** How many wait to come in. */
  waiting: number;
  handRaised: boolean;
  onHand: () => void;
  /** The button for reactions. */
  reactions: ReactNode;
  /** The menu of the room. */
  more: ReactNode;
  onMic: () => void;
  onCamera: () => void;
  onShare: () => void;
  onPanel: (panel: "chat" | "people") => void;
  onSettings: () => void;
  onLeave: () => void;
}

interface ControlProps {
  testId: string;
  label: string;
  shortcut?: string;
  pressed?: boolean;
  tone?: "off" | "active" | "danger" | undefined;
  badge?: string | undefined;
  onClick: () => void;
  children: ReactNode;
}

function Control({ testId, label, shortcut, pressed, tone, badge, onClick, children }: ControlProps) {
  const text = shortcut ? t.controls.withKey(label, shortcut) : label;
  return (
    <button type="button" className={`control ${tone ?? ""}`} data-testid={testId} aria-label={label} aria-pressed={pressed} title={text} onClick={onClick}>
      {children}
      {badge && (
        <span className="badge" aria-hidden="true" data-testid={`${testId}-badge`}>
          {badge}
        </span>
      )}
    </button>
  );
}

export function ControlBar(props: ControlBarProps) {
  const { micOn, cameraOn, sharing, panel, unread, people } = props;
  return (
    <div className="control-bar" role="toolbar" aria-label={t.controls.bar}>
      <div className="control-group">
        <Control testId="mic" label={micOn ? t.controls.micOn : t.controls.micOff} shortcut="M" pressed={micOn} tone={micOn ? undefined : "off"} onClick={props.onMic}>
          {micOn ? <MicIcon /> : <MicOffIcon />}
        </Control>
        <Control testId="camera" label={cameraOn ? t.controls.camOn : t.controls.camOff} shortcut="V" pressed={cameraOn} tone={cameraOn ? undefined : "off"} onClick={props.onCamera}>
          {cameraOn ? <CameraIcon /> : <CameraOffIcon />}
        </Control>
        {canShareScreen() && (
          <Control testId="share" label={sharing ? t.controls.shareOff : t.controls.shareOn} shortcut="S" pressed={sharing} tone={sharing ? "active" : undefined} onClick={props.onShare}>
            {sharing ? <ScreenOffIcon /> : <ScreenIcon />}
          </Control>
        )}
        <Control
          testId="hand"
          label={props.handRaised ? t.hands.lower : t.hands.raise}
          shortcut="H"
          pressed={props.handRaised}
          tone={props.handRaised ? "active" : undefined}
          onClick={props.onHand}
        >
          <HandIcon />
        </Control>
        {props.reactions}
      </div>
      <div className="control-group">
        <Control
          testId="chat"
          label={unread > 0 ? `${t.controls.chat}, ${t.chat.unread(unread)}` : t.controls.chat}
          shortcut="C"
          pressed={panel === "chat"}
          tone={panel === "chat" ? "active" : undefined}
          badge={unread > 0 ? String(Math.min(unread, 99)) : undefined}
          onClick={() => props.onPanel("chat")}
        >
          <ChatIcon />
        </Control>
        <Control
          testId="people"
          label={props.waiting > 0 ? `${t.controls.people}, ${t.people.count(people)}, ${t.queue.badge(props.waiting)}` : `${t.controls.people}, ${t.people.count(people)}`}
          shortcut="P"
          pressed={panel === "people"}
          tone={panel === "people" ? "active" : undefined}
          badge={props.waiting > 0 ? String(Math.min(props.waiting, 99)) : undefined}
          onClick={() => props.onPanel("people")}
        >
          <PeopleIcon />
          <span className="control-count" data-count={people} aria-hidden="true" />
        </Control>
        <Control testId="settings" label={t.controls.settings} onClick={props.onSettings}>
          <SettingsIcon />
        </Control>
        {props.more}
      </div>
      <Control testId="leave" label={t.controls.leave} tone="danger" onClick={props.onLeave}>
        <LeaveIcon />
      </Control>
    </div>
  );
}
