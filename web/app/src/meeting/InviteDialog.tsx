import { meetingLink } from "../controls/CopyLink.js";
import { CopyButton } from "../controls/CopyButton.js";
import { Dialog } from "../controls/Dialog.js";
import { QrCode } from "../controls/QrCode.js";
import { LockIcon } from "../icons.js";
import type { Session } from "../lib/session.js";
import { useStore } from "../lib/store.js";
import { t } from "../messages.js";

interface InviteDialogProps {
  session: Session;
  title: string;
  onClose: () => void;
}

/** Everything that others need to come: the link, the number, a picture of the link for a phone. */
export function InviteDialog({ session, title, onClose }: InviteDialogProps) {
  const { room } = useStore(session);
  const link = meetingLink(room);
  const code = room?.code;
  const invitation = [t.invite.text(title), link, ...(code === undefined ? [] : [t.invite.orNumber(code, location.host)])].join("\n");
  const canShare = "share" in navigator;
  return (
    <Dialog title={t.invite.title} testId="invite-dialog" onClose={onClose}>
      <div className="invite">
        <QrCode text={link} label={t.invite.qr} />
        <dl className="invite-rows">
          <dt>{t.invite.link}</dt>
          <dd>
            <span className="invite-value" data-testid="invite-link">
              {link}
            </span>
            <CopyButton text={link} label={t.controls.copyLink} testId="invite-copy-link" className="small" />
          </dd>
          {code !== undefined && (
            <>
              <dt>{t.invite.number}</dt>
              <dd>
                <span className="invite-value" data-testid="invite-number">
                  {code}
                </span>
                <CopyButton text={code} label={t.invite.copyNumber} testId="invite-copy-number" className="small" />
              </dd>
            </>
          )}
        </dl>
        {room?.has_password && (
          <p className="invite-note">
            <LockIcon />
            {t.invite.password}
          </p>
        )}
        <div className="dialog-foot">
          {canShare && (
            <button type="button" className="button" data-testid="invite-share" onClick={() => void navigator.share({ title, text: invitation }).catch(() => undefined)}>
              {t.invite.share}
            </button>
          )}
          <CopyButton text={invitation} label={t.invite.copyAll} testId="invite-copy-all" className="primary" />
        </div>
      </div>
    </Dialog>
  );
}
