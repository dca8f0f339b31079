import { TEXT_LIMITS, type RoomInfo, type Settings } from "@plenum/sdk";
import { useState, type SubmitEvent } from "react";
import { Dialog } from "../controls/Dialog.js";
import { Switch } from "../controls/Switch.js";
import { cut } from "../lib/room.js";
import type { Session } from "../lib/session.js";
import { formatTime } from "../lib/language.js";
import { t } from "../messages.js";

type Flag = { [K in keyof Settings]-?: NonNullable<Settings[K]> extends boolean ? K : never }[keyof Settings];

const ENTRY: [Flag, string][] = [
  ["lobby", t.rules.lobby],
  ["locked", t.rules.locked],
  ["organised", t.rules.organised],
];
const START: [Flag, string][] = [
  ["start_muted", t.rules.startMuted],
  ["start_camera_off", t.rules.startCameraOff],
];
const MAY: [Flag, string][] = [
  ["may_speak", t.rules.maySpeak],
  ["may_show", t.rules.mayShow],
  ["may_share", t.rules.mayShare],
  ["may_chat", t.rules.mayChat],
  ["may_whisper", t.rules.mayWhisper],
  ["sounds", t.rules.sounds],
];
const RECORDING: [Flag, string][] = [
  ["may_record", t.rules.mayRecord],
  ["auto_record", t.rules.autoRecord],
];
const TITLE_OCTETS = 128;
const MOST_PEOPLE = 1000;
const MOST_MINUTES = 1440;

interface RulesDialogProps {
  session: Session;
  room: RoomInfo;
  onClose: () => void;
}

/** The rules of the room, for those who lead. Only what was changed is sent. */
export function RulesDialog({ session, room, onClose }: RulesDialogProps) {
  const [rules, setRules] = useState<Settings>(room.settings);
  /* undefined: as it is; null: taken away. */
  const [password, setPassword] = useState<string | null>();
  const set = (change: Partial<Settings>) => setRules({ ...rules, ...change });
  const flags = (list: [Flag, string][]) =>
    list.map(([key, label]) => <Switch key={key} label={label} testId={`rule-${key}`} on={rules[key] ?? false} onChange={(on) => set({ [key]: on })} />);

  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    const changed = changesOf(room.settings, rules);
    const secret = password === undefined || password === "" ? {} : { password };
    if (Object.keys(changed).length > 0 || "password" in secret) session.run(session.meeting.moderation.configure({ ...changed, ...secret }));
    onClose();
  };

  return (
    <Dialog title={t.rules.title} testId="rules-dialog" size="wide" onClose={onClose}>
      <form className="rules" onSubmit={submit}>
        <label className="field">
          <span>{t.rules.name}</span>
          <input className="input" data-testid="rule-title" value={rules.title ?? ""} placeholder={t.rules.namePlaceholder} onChange={(event) => set({ title: cut(event.target.value, TITLE_OCTETS) })} />
        </label>
        <fieldset>
          <legend>{t.rules.entry}</legend>
          {flags(ENTRY)}
          <div className="field">
            <label htmlFor="rule-password">{t.rules.password}</label>
            <div className="field-row">
              <input
                id="rule-password"
                className="input"
                data-testid="rule-password"
                type="text"
                autoComplete="off"
                maxLength={TEXT_LIMITS.configure.password}
                value={password ?? ""}
                placeholder={room.has_password && password !== null ? t.rules.hasPassword : t.rules.noPassword}
                onChange={(event) => setPassword(event.target.value)}
              />
              {room.has_password && password !== null && (
                <button type="button" className="button" data-testid="rule-no-password" onClick={() => setPassword(null)}>
                  {t.rules.takePassword}
                </button>
              )}
            </div>
          </div>
        </fieldset>
        <fieldset>
          <legend>{t.rules.start}</legend>
          {flags(START)}
        </fieldset>
        <fieldset>
          <legend>{t.rules.may}</legend>
          {flags(MAY)}
        </fieldset>
        {session.meeting.recordings.state.available && (
          <fieldset>
            <legend>{t.recording.legend}</legend>
            {flags(RECORDING)}
          </fieldset>
        )}
        <fieldset>
          <legend>{t.rules.limits}</legend>
          <NumberField label={t.rules.maxParticipants} testId="rule-max-participants" most={MOST_PEOPLE} value={rules.max_participants ?? 0} onChange={(n) => set({ max_participants: n })} />
          <NumberField label={t.rules.maxMinutes} testId="rule-max-minutes" most={MOST_MINUTES} value={rules.max_minutes ?? 0} onChange={(n) => set({ max_minutes: n })} />
        </fieldset>
        {room.ends_at !== undefined && <p className="panel-note">{t.rules.ends(formatTime(room.ends_at))}</p>}
        {room.code && (
          <p className="room-code">
            {t.rules.code}: <strong data-testid="room-code">{room.code}</strong>
          </p>
        )}
        <div className="dialog-foot">
          <button type="button" className="button" data-testid="rules-cancel" onClick={onClose}>
            {t.rules.cancel}
          </button>
          <button type="submit" className="button primary" data-testid="rules-save">
            {t.rules.save}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

interface NumberFieldProps {
  label: string;
  testId: string;
  most: number;
  value: number;
  onChange: (value: number) => void;
}

export function NumberField({ label, testId, most, value, onChange }: NumberFieldProps) {
  return (
    <label className="number">
      <span>{label}</span>
      <input
        className="input"
        type="number"
        data-testid={testId}
        min={0}
        max={most}
        step={1}
        value={value}
        onChange={(event) => onChange(Math.min(most, Math.max(0, Math.round(event.target.valueAsNumber || 0))))}
      />
    </label>
  );
}

/** What differs: others may have changed the rest meanwhile. */
export function changesOf(before: Settings, after: Settings): Settings {
  const changed = (Object.keys(after) as (keyof Settings)[]).filter((key) => after[key] !== before[key]);
  return Object.fromEntries(changed.map((key) => [key, after[key]]));
}
