import { t } from "../messages.js";
import { CopyButton } from "./CopyButton.js";

/** The meeting's address, as it is given to others: without a token that is somebody's own. */
export function meetingLink(): string {
  return location.origin + location.pathname;
}

export function CopyLink() {
  return <CopyButton text={meetingLink()} label={t.controls.copyLink} testId="copy-link" className="wide" />;
}
