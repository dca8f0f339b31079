import { Dialog } from "../controls/Dialog.js";
import { t } from "../messages.js";

/** What single keys do. */
export function KeysDialog({ onClose }: { onClose: () => void }) {
  const keys: [key: string, what: string][] = [
    ["M", t.devices.microphone],
    ["V", t.devices.camera],
    ["S", t.controls.shareOn],
    ["C", t.chat.title],
    ["P", t.people.title],
    ["H", t.hands.raise],
    ["L", `${t.view.grid} / ${t.view.speaker}`],
    ["F", t.view.fullScreen],
    [t.settings.space, t.settings.keyTalk],
    ["?", t.settings.keyHelp],
  ];
  return (
    <Dialog title={t.settings.keys} testId="keys-dialog" onClose={onClose}>
      <dl className="keys">
        {keys.map(([key, what]) => (
          <div key={key}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
}
