import { settings } from "../lib/settings.js";
import { useStore } from "../lib/store.js";
import { t } from "../messages.js";
import { Switch } from "./Switch.js";

/** What is said and heard of others. */
export function NotificationSwitches() {
  const { comings, sounds } = useStore(settings);
  return (
    <div className="switches">
      <Switch label={t.notifications.comings} testId="set-comings" on={comings} onChange={(on) => settings.set({ comings: on })} />
      <Switch label={t.notifications.sounds} testId="set-sounds" on={sounds} onChange={(on) => settings.set({ sounds: on })} />
    </div>
  );
}
