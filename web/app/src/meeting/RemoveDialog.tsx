import { useState } from "react";
import { Confirm } from "../controls/Dialog.js";
import { Switch } from "../controls/Switch.js";
import { t } from "../messages.js";

interface RemoveDialogProps {
  name: string;
  /** Newcomers wait already. */
  hasLobby: boolean;
  onRemove: (lobby: boolean) => void;
  onClose: () => void;
}

/** Whoever is a guest could come back under another name: so a lobby is offered in the same breath. */
export function RemoveDialog({ name, hasLobby, onRemove, onClose }: RemoveDialogProps) {
  const [lobby, setLobby] = useState(true);
  return (
    <Confirm title={t.remove.title(name)} testId="remove-dialog" confirm={t.remove.confirm} cancel={t.remove.cancel} onConfirm={() => onRemove(lobby && !hasLobby)} onClose={onClose}>
      <p>{t.remove.text}</p>
      {!hasLobby && <Switch label={t.remove.lobby} help={t.remove.lobbyHelp} testId="remove-lobby" on={lobby} onChange={setLobby} />}
    </Confirm>
  );
}
