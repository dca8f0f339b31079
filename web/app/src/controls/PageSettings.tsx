import { useId, type ReactNode } from "react";
import { showAppearance } from "../lib/appearance.js";
import { LANGUAGES, speak } from "../lib/language.js";
import { APPEARANCES, settings, type Appearance } from "../lib/settings.js";
import { useStore } from "../lib/store.js";
import { t } from "../messages.js";
import { Switch } from "./Switch.js";

/** What of others is not worth its data. */
export function SavingSwitches() {
  const { hideCameras, hideScreens } = useStore(settings);
  return (
    <div className="switches">
      <Switch label={t.settings.hideCameras} testId="set-hide-cameras" on={hideCameras} onChange={(on) => settings.set({ hideCameras: on })} />
      <Switch label={t.settings.hideScreens} testId="set-hide-screens" on={hideScreens} onChange={(on) => settings.set({ hideScreens: on })} />
    </div>
  );
}

/** Language, and dark or light. */
export function PageSelects() {
  const { language, appearance } = useStore(settings);
  const setLanguage = (chosen: string) => {
    settings.set({ language: chosen });
    speak(chosen).catch(() => undefined);
  };
  const setAppearance = (chosen: Appearance) => {
    settings.set({ appearance: chosen });
    showAppearance(chosen);
  };
  return (
    <div className="device-selects">
      <Select label={t.settings.language} testId="set-language" value={language} onChange={setLanguage}>
        <option value="">{t.settings.byBrowser}</option>
        {Object.entries(LANGUAGES).map(([id, name]) => (
          <option key={id} value={id} lang={id}>
            {name}
          </option>
        ))}
      </Select>
      <Select label={t.settings.appearance} testId="set-appearance" value={appearance} onChange={(chosen) => setAppearance(chosen as Appearance)}>
        {APPEARANCES.map((id) => (
          <option key={id} value={id}>
            {t.settings.appearances[id]}
          </option>
        ))}
      </Select>
    </div>
  );
}

interface SelectProps {
  label: string;
  testId: string;
  value: string;
  onChange: (value: string) => void;
  children: ReactNode;
}

function Select({ label, testId, value, onChange, children }: SelectProps) {
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <select id={id} className="input select" data-testid={testId} value={value} onChange={(event) => onChange(event.target.value)}>
        {children}
      </select>
    </div>
  );
}
