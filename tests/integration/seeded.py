"""Recordings that lie there and are known, without a recorder: documents in the store and folders with files."""
import hashlib
import json
import os
import secrets
import sqlite3


def add_recording(data, room, files, made_at=None, started_ms=1764000000000, state="ready", reason="asked", duration_us=60_000_000):
    """
    Put one into the data folder of a server that is not running.
    @param files {name: octets}; a manifest that is not among them is written by us
    @param made_at of the room; None: as the store knows it @return its id
    """
    id = secrets.token_hex(16)
    with sqlite3.connect(os.path.join(data, "plenum.db")) as db:
        if made_at is None:
            made_at = json.loads(db.execute("SELECT document FROM documents WHERE kind = 'room' AND key = ?", (room.lower(),)).fetchone()[0])["created_at"]
        document = {
            "v": 1, "id": id, "key": room.lower(), "name": room, "room_made_at": made_at, "state": state, "reason": reason,
            "started_ms": started_ms, "duration_us": duration_us, "bytes": sum(map(len, files.values())), "files": len(files),
            "limit_s": 10800, "by": 0, "starter": "", "starter_device": "", "of_meeting": False, "told_started": True, "deleted_at": 0,
        }
        db.execute("INSERT INTO documents VALUES ('recording', ?, ?)", (id, json.dumps(document)))
    folder = os.path.join(data, "recordings", id)
    os.makedirs(folder)
    if "manifest.json" not in files:
        files = {**files, "manifest.json": json.dumps({
            "format": 1, "id": id, "key": room.lower(), "name": room, "started_ms": started_ms, "duration_us": duration_us,
            "bytes": document["bytes"], "reason": reason, "participants": [], "gaps": [], "speakers": [], "chat": [],
            "files": [{"file": name, "sha256": hashlib.sha256(octets).hexdigest()} for name, octets in files.items()]}).encode()}
    for name, octets in files.items():
        with open(os.path.join(folder, name), "wb") as f:
            f.write(octets)
    return id
