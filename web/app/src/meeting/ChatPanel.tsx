import { isModerator, PlenumError, TEXT_LIMITS, type ChatMessage, type Participant } from "@plenum/sdk";
import { useEffect, useRef, useState, type SubmitEvent, type KeyboardEvent } from "react";
import { SendIcon } from "../icons.js";
import { cut } from "../lib/room.js";
import type { Session } from "../lib/session.js";
import { useStore } from "../lib/store.js";
import { splitLinks } from "../lib/text.js";
import { formatTime } from "../lib/language.js";
import { t } from "../messages.js";
import { SidePanel } from "./SidePanel.js";

interface ChatPanelProps {
  session: Session;
  /** Whom one writes to; undefined: everybody. */
  to: number | undefined;
  onTo: (participant: number | undefined) => void;
  onClose: () => void;
}

/* Messages of one person within this time stand under one name. */
const SAME_TURN_MS = 120_000;

export function ChatPanel({ session, to, onTo, onClose }: ChatPanelProps) {
  const { chat: messages, localId, people, role, room } = useStore(session);
  const list = useRef<HTMLOListElement>(null);
  const [text, setText] = useState("");
  const [failed, setFailed] = useState("");
  const leads = isModerator(role);
  const mayChat = leads || (room?.settings.may_chat ?? true);
  const mayWhisper = leads || (room?.settings.may_whisper ?? true);
  /* A moderator can always be written to. */
  const partners = people.filter((person) => person.id !== localId && (mayWhisper || isModerator(person.role)));
  const partner = partners.find((person) => person.id === to) ?? (mayChat ? undefined : partners[0]);
  const placeholder = partner ? t.chat.privately(partner.name) : t.chat.placeholder;

  useEffect(() => {
    list.current?.scrollTo({ top: list.current.scrollHeight });
  }, [messages]);

  const send = async () => {
    const message = cut(text.trim(), TEXT_LIMITS.chat.text);
    if (!message) return;
    setText("");
    setFailed("");
    try {
      await session.meeting.sendChat(message, partner?.id);
    } catch (error) {
      setFailed(error instanceof PlenumError && error.code === "forbidden" ? t.people.forbidden : t.chat.failed);
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
      <ol className="messages" ref={list} aria-label={t.chat.title} aria-live="polite" tabIndex={0} data-testid="messages">
        {messages.map((message, i) => (
          <Message
            key={message.number}
            message={message}
            isMine={message.from === localId}
            follows={isFollowing(messages[i - 1], message)}
            mark={markOf(message, localId, (id) => session.meeting.nameOf(id) ?? "")}
          />
        ))}
      </ol>
      {failed && (
        <p className="problem" role="alert">
          {failed}
        </p>
      )}
      {!mayChat && <p className="panel-note">{t.chat.onlyModerators}</p>}
      {partners.length > 0 && <Recipient partners={partners} partner={partner} mayChat={mayChat} onTo={onTo} />}
      <form className="chat-form" onSubmit={submit}>
        <textarea
          className="input"
          data-testid="chat-text"
          aria-label={placeholder}
          placeholder={placeholder}
          disabled={!mayChat && !partner}
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

interface RecipientProps {
  partners: readonly Participant[];
  partner: Participant | undefined;
  mayChat: boolean;
  onTo: (participant: number | undefined) => void;
}

function Recipient({ partners, partner, mayChat, onTo }: RecipientProps) {
  return (
    <label className={`recipient ${partner ? "private" : ""}`}>
      <span>{t.chat.to}</span>
      <select className="input select small" data-testid="chat-to" value={partner?.id ?? ""} onChange={(event) => onTo(event.target.value ? Number(event.target.value) : undefined)}>
        {mayChat && <option value="">{t.chat.everybody}</option>}
        {partners.map((person) => (
          <option key={person.id} value={person.id}>
            {person.name}
          </option>
        ))}
      </select>
    </label>
  );
}

/* For whom a message is, when it is not simply for everybody. */
function markOf({ from, to, announcement }: ChatMessage, localId: number, nameOf: (id: number) => string): string {
  if (announcement) return t.chat.toAllRooms;
  if (to === undefined) return "";
  return from === localId ? t.chat.toOne(nameOf(to)) : t.chat.toYou;
}

function isFollowing(before: ChatMessage | undefined, message: ChatMessage): boolean {
  return before?.from === message.from && before.to === message.to && before.announcement === message.announcement && before.name === message.name && message.at - before.at < SAME_TURN_MS;
}

interface MessageProps {
  message: ChatMessage;
  isMine: boolean;
  follows: boolean;
  mark: string;
}

function Message({ message, isMine, follows, mark }: MessageProps) {
  return (
    <li className={`message ${isMine ? "mine" : ""} ${mark ? "marked" : ""} ${follows ? "follows" : ""}`} data-testid="message">
      {!follows && (
        <p className="message-head">
          <bdi>
            <strong>{isMine ? t.meeting.you : message.name}</strong>
          </bdi>
          {mark && <small className="message-mark">{mark}</small>}
          <time dateTime={new Date(message.at).toISOString()}>{formatTime(message.at)}</time>
        </p>
      )}
      <p className="message-text" dir="auto">
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
