/*
 * What server and recorder agree on beside the frames of link_frame.h: the messages of the control connection, and the folder of a
 * recording. Times in µs are of CLOCK_MONOTONIC ("mono_us") or count from the start of the recording ("t_us"); "unix_ms" is UTC.
 *
 * The connections. The recorder listens on a Unix stream socket. The server connects once from its main thread and once for each worker; each
 * side's first frame is PLM_LINK_HELLO. Whoever finds the other gone closes; the server connects again once a second. A recorder serves one
 * server at a time: connections of a new epoch end those of the former one.
 *
 * Control messages, server to recorder. All are idempotent; unknown fields are ignored, unknown "op" too.
 *   {"op":"start","id":ID,"room":MEDIA_ROOM,"key":ROOM_KEY,"name":ROOM_NAME,"mono_us":N,"unix_ms":N,"limit_s":N}
 *       begin, or, when this recording exists and has not ended, go on with it: what lies between is one gap. MEDIA_ROOM is the
 *       plm_room_id of link frames of this epoch. The recorder answers with "state"; only then the server feeds the room.
 *   {"op":"event","id":ID,"run":RUN,"n":N,"mono_us":N,"event":{"type":T,…}}   a line for the journal, below. RUN is 16 hexadecimal digits, of
 *       one run of the server; N counts up within it. The server keeps an event until "written" names it, and says it again to a
 *       recorder that comes; of a run, what is not above the last N is there already. Without both it is written and forgotten.
 *   {"op":"stop","id":ID,"mono_us":N,"reason":R}              R: "asked", "limit", "ended", "deleted"
 *   {"op":"delete","id":ID}                                   stop if need be, then remove the folder
 *   {"op":"sync","ids":[ID,…]}   after (re)connecting, when every "start" was sent: those that the server holds to be running. The recorder
 *                                ends all others and answers with a "state" for each recording that it has on the disk.
 * Recorder to server:
 *   {"op":"state","id":ID,"state":S,"reason":R,"key":ROOM_KEY,"name":ROOM_NAME,"started_ms":N,"duration_us":N,"bytes":N,"files":N}
 *       on every change, and once in 5 s while one runs. S is one of plm_recording_state_name(); R is "" or one of plm_recording_reason_name().
 *   {"op":"written","id":ID,"run":RUN,"n":N}                  the events of that run up to N are in the journal: no kill loses them
 *   {"op":"disk","level":L,"free":OCTETS}                     L: "ok", "warn", "refuse", "stop"; on every change
 *
 * The folder. <dir>/<ID>/ holds
 *   journal.jsonl   appended while the recording runs, one JSON object a line; the only truth after a crash
 *   <file>.part     a track file being written; playable up to its last whole fragment once repaired
 *   <file>          a finished one: p<participant>-<camera|screen>-<n>.<mp4|webm>, n from 1. "camera" has the microphone's sound, "screen"
 *                   that of what is shared; one without picture is a file of sound alone
 *   manifest.json   written when the recording has ended and every file is finished; its existence says "ready"
 *
 * Journal lines have "type" and "t_us". The recorder writes
 *   recording      first line: format (1), id, key, name, started_ms, mono_us (the clock at t_us 0)
 *   file           file, participant, pair ("camera" | "screen"), start_us (t_us of its time 0), audio ("opus" or absent), video (absent, or
 *                  {"codec","width","height","rotation"}): a file was begun
 *   file_end       file, duration_us, bytes, reason ("left", "codec", "rotation", "video", "gap", "disk", "stop", …)
 *   gap            from_us, to_us, reason ("server", "recorder", "disk"): nothing could be recorded
 *   server         run: the numbers of the events that follow are of this run of the server
 *   state          state, reason
 *   end            reason: the last line
 * and passes on from signalling, with the event's "n" when it has one
 *   joined         participant, name, role, breakout (0: the main room)
 *   left           participant, reason
 *   present        participants: [id…]; after a restart of the server: who else was there has left by then
 *   renamed        participant, name         role    participant, role
 *   moved          participant, breakout, title: to another room of the meeting; of breakout rooms no media is recorded
 *   track          participant, source, active, muted
 *   speakers       participants: [id…], dominant first
 *   hand           participant, raised
 *   chat           participant, name, text, sent_ms; public chat of the main room only
 *   consent        participant: was told, by the page they joined with or the banner
 *   asked          participant, what ("start" | "stop"): who began or ended it
 *
 * manifest.json: {"format":1,"id","key","name","started_ms","duration_us","bytes","reason",
 *   "participants":[{"id","name","role","present":[{"from_us","to_us","breakout"}],"muted":[{"source","from_us","to_us"}]}],
 *   "files":[{"file","participant","pair","start_us","duration_us","bytes","sha256","audio","video"}],
 *   "gaps":[{"from_us","to_us","reason"}], "speakers":[{"t_us","participants"}], "chat":[{"t_us","participant","name","text"}]}
 */
#ifndef PLM_RECORDING_FORMAT_H
#define PLM_RECORDING_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PLM_RECORDING_FORMAT     1
#define PLM_RECORDING_ID_SIZE    33 /**< 128 random bits in lower-case hexadecimal, and the NUL */
#define PLM_RECORDING_RUN_SIZE   17 /**< 16 hexadecimal digits, and the NUL */
#define PLM_RECORDING_MAX_N      ((UINT64_C(1) << 53) - 1)
#define PLM_RECORDING_JOURNAL    "journal.jsonl"
#define PLM_RECORDING_MANIFEST   "manifest.json"
#define PLM_RECORDING_PART       ".part"
#define PLM_RECORDING_REATTACH_S 60    /**< so long a recording stays open without its server */
#define PLM_RECORDING_LIMIT_S    10800 /**< default of "limit_s" */

enum plm_recording_state {
    PLM_RECORDING_STARTING = 0, /**< the server asked, the recorder has not answered */
    PLM_RECORDING_ON,
    PLM_RECORDING_PAUSED,  /**< nothing is written for now (disk, recorder away); goes on by itself */
    PLM_RECORDING_CLOSING, /**< ended; files are being finished */
    PLM_RECORDING_READY,
    PLM_RECORDING_FAILED, /**< ended without anything usable */
    PLM_RECORDING_STATE_COUNT
};
/** "starting", "on", "paused", "closing", "ready", "failed"; static storage. */
const char *plm_recording_state_name(enum plm_recording_state s);
/** @return PLM_RECORDING_STATE_COUNT for an unknown name */
enum plm_recording_state plm_recording_state_from(const char *name);

enum plm_recording_reason {
    PLM_RECORDING_NO_REASON = 0,
    PLM_RECORDING_ASKED,
    PLM_RECORDING_LIMIT,
    PLM_RECORDING_ENDED, /**< the meeting ended */
    PLM_RECORDING_DELETED,
    PLM_RECORDING_DISK_FULL,
    PLM_RECORDING_DISK_ERROR,  /**< EIO, EROFS, … */
    PLM_RECORDING_DISK_SLOW,   /**< writing cannot keep up */
    PLM_RECORDING_NO_RECORDER, /**< the recorder cannot be reached */
    PLM_RECORDING_SERVER_GONE, /**< the server did not come back within PLM_RECORDING_REATTACH_S */
    PLM_RECORDING_REASON_COUNT
};
/** "", "asked", "limit", "ended", "deleted", "disk_full", "disk_error", "disk_slow", "no_recorder", "server_gone"; static storage. */
const char *plm_recording_reason_name(enum plm_recording_reason r);
/** @return PLM_RECORDING_REASON_COUNT for an unknown name */
enum plm_recording_reason plm_recording_reason_from(const char *name);

/** Is it 32 lower-case hexadecimal digits? What is not may never become part of a path. */
bool plm_recording_id_valid(const char *id);
/** Is it 16 lower-case hexadecimal digits? */
bool plm_recording_run_valid(const char *run);
/** Is it a name that a recorder gives files of a recording (with or without .part), journal or manifest? Nothing else is opened or served. */
bool plm_recording_file_valid(const char *name);

#endif
