import type { RequestFields, RequestReply, Role, Settings, Source } from "./protocol.js";

/** Asks the server; see Signal.request. */
export type Ask = <T extends keyof RequestReply>(type: T, fields: RequestFields<T>) => Promise<RequestReply[T]>;

/** A change of a room's rules. What is left out stays as it is. */
export interface RoomChange extends Settings {
  /** A new password; null takes it away. */
  password?: string | null;
}

/**
 * What owners and moderators may do. Every call rejects with a PlenumError, `forbidden` for whoever may not; what it changes is told to
 * everybody by the events of the meeting.
 */
export class Moderation {
  constructor(private readonly ask: Ask) {}

  /** Let people in from the lobby; without ids, all who wait. */
  async admit(waiting: readonly number[] = []): Promise<void> {
    await this.ask("admit", { waiting: [...waiting], admitted: true });
  }

  /** Send people away from the lobby; without ids, all who wait. */
  async refuse(waiting: readonly number[] = []): Promise<void> {
    await this.ask("admit", { waiting: [...waiting], admitted: false });
  }

  /** Begin an organised meeting. */
  async start(): Promise<void> {
    await this.ask("start", {});
  }

  /** Change the room's rules. */
  async configure({ password, ...settings }: RoomChange): Promise<void> {
    await this.ask("configure", {
      settings,
      ...(typeof password === "string" ? { password } : {}),
      ...(password === null ? { no_password: true } : {}),
    });
  }

  /** Mute a source of these people, or of everybody but moderators and encoders. They may unmute it, unless that is forbidden; an encoder cannot, permit unmutes it. */
  async mute(source: Source, participants: readonly number[] = []): Promise<void> {
    await this.ask("mute_others", { participants: [...participants], source });
  }

  /** Ask somebody to unmute; only they can. Refused for an encoder. */
  async askToUnmute(participant: number, source: "microphone" | "camera" = "microphone"): Promise<void> {
    await this.ask("ask_unmute", { participant, source });
  }

  /** Permit or forbid a source to these people, or to everybody but moderators, whatever the room's rule. An encoder is unmuted by it. */
  async permit(source: "microphone" | "camera" | "screen", permitted: boolean, participants: readonly number[] = []): Promise<void> {
    await this.ask("permit", { participants: [...participants], source, permitted });
  }

  /** Lower these hands, or all. */
  async lowerHands(participants: readonly number[] = []): Promise<void> {
    await this.ask("lower_hands", { participants: [...participants] });
  }

  /** Promote or demote. */
  async setRole(participant: number, role: Role): Promise<void> {
    await this.ask("set_role", { participant, role });
  }

  /**
   * Remove somebody for good.
   * @param options.lobby newcomers wait in the lobby from now on: guests without a token could come back under another name
   */
  async kick(participant: number, { lobby = false }: { lobby?: boolean } = {}): Promise<void> {
    await this.ask("kick", { participant, ...(lobby ? { lobby } : {}) });
  }

  /** End the meeting for everybody. */
  async end(): Promise<void> {
    await this.ask("end", {});
  }
}
