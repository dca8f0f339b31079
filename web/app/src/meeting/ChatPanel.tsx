import { TEXT_LIMITS, type ChatMessage } from "@plenum/sdk";
import { useEffect, useRef, useState, type SubmitEvent, type KeyboardEvent } from "react";
import { SendIcon } from "../icons.js";
import { cut } from "../lib/room.js";
import { splitLinks } from "../lib/text.js";
import { t } from "../messages.js";
import { SidePanel } from "./SidePanel.js";

interface ChatPanelProps {
  messages: readonly ChatMessage[];
  localId: number;
  onSend: (text: string) => Promise<void>;
  onClose: () => void;
}

const time = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
/* Messages of one person within this time stand under one name. */
const SAME_TURN_MS = 120_000;

export function ChatPanel({ messages, localId, onSend, onClose }: ChatPanelProps) {
  const list = useRef<HTMLOListElement>(null);
  const [text, setText] = useState("");
  const [failed, setFailed] = useState(false);

  useEffect(() => {
    list.current?.scrollTo({ top: list.current.scrollHeight });
  }, [messages]);

  const send = async () => {
    const message = cut(text.trim(), TEXT_LIMITS.chat.text);
    if (!message) return;
    setText("");
    setFailed(false);
    try {
      await onSend(message);
    } catch {
      setFailed(true);
      setText((later) => later || message);
    }
  };
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    void send();
  };
  const onKey = (event: KeyboardEvent) => {
    if (event.key === "Escape") onClose();
    if (event.key !== "Enter" || event.shiftKey || event.nativeEvent.isComposing) return;
    event.preventDefault();
    void send();
  };

  return (
    <SidePanel title={t.chat.title} testId="chat-panel" onClose={onClose}>
      {messages.length === 0 && (
        <div className="panel-empty">
          <strong>{t.chat.empty}</strong>
          <p>{t.chat.emptyHelp}</p>
        </div>
      )}
      <ol className="messages" ref={list} aria-live="polite" data-testid="messages">
        {messages.map((message, i) => (
          <Message key={message.number} message={message} isMine={message.from === localId} follows={isFollowing(messages[i - 1], message)} />
        ))}
      </ol>
      {failed && (
        <p className="problem" role="alert">
          {t.chat.failed}
        </p>
      )}
      <form className="chat-form" onSubmit={submit}>
        <textarea
          className="input"
          data-testid="chat-text"
          aria-label={t.chat.placeholder}
          placeholder={t.chat.placeholder}
          rows={1}
          value={text}
          autoFocus
          onChange={(event) => setText(event.target.value)}
          onKeyDown={onKey}
        />
        <button type="submit" className="icon-button accent" data-testid="chat-send" aria-label={t.chat.send} disabled={!text.trim()}>
          <SendIcon />
        </button>
      </form>
    </SidePanel>
  );
}

function isFollowing(before: ChatMessage | undefined, message: ChatMessage): boolean {
  return before?.from === message.from && before.name === message.name && message.at - before.at < SAME_TURN_MS;
}

function Message({ message, isMine, follows }: { message: ChatMessage; isMine: boolean; follows: boolean }) {
  return (
    <li className={`message ${isMine ? "mine" : ""} ${follows ? "follows" : ""}`} data-testid="message">
      {!follows && (
        <p className="message-head">
          <strong>{isMine ? t.meeting.you : message.name}</strong>
          <time dateTime={new Date(message.at).toISOString()}>{time.format(message.at)}</time>
        </p>
      )}
      <p className="message-text">
        {splitLinks(message.text).map((part, i) =>
          part.href ? (
            <a key={i} href={part.href} target="_blank" rel="noopener noreferrer nofollow">
              {part.text}
            </a>
          ) : (
            part.text
          ),
        )}
      </p>
    </li>
  );
}
