"""A captured feed (capture.c), played in its own time to a recorder of one's own: which files come of it, and what is in them."""
import struct
import time

import feeder
import numbered
from check import Recorded
from feeder import CLOCK, HEADER, PACKET, Recorder, Server

RECORD = struct.Struct("<QI")
ARRIVAL, CLOCK_US = HEADER.size + 16, HEADER.size + 16  # where frames have a time
ROOM = 8  # where a head has the room
TIME_S = 0.1
AHEAD_S = 1.0  # sound that came before the picture of its time is in both files


def read(path):
    """[(µs, frame)]"""
    with open(path, "rb") as f:
        data = f.read()
    at, out = 0, []
    while at < len(data):
        us, size = RECORD.unpack_from(data, at)
        at += RECORD.size
        out.append((us, data[at:at + size]))
        at += size
    return out


def shifted(frame, by_us):
    """As if it were sent now, in the recording's room."""
    frame, kind = bytearray(frame), frame[4]
    struct.pack_into("<I", frame, ROOM, 1)
    if kind in (PACKET, CLOCK):
        at = ARRIVAL if kind == PACKET else CLOCK_US
        us, = struct.unpack_from("<q", frame, at)
        struct.pack_into("<q", frame, at, us + by_us)
    return bytes(frame)


def play(server, frames):
    by_us = feeder.mono_us() - frames[0][0] + 20000
    for us, frame in frames:
        time.sleep(max(0, (us + by_us - feeder.mono_us()) / 1e6))
        server.worker.send(shifted(frame, by_us))


def probe(path):
    """@return seconds, pictures; what ffmpeg complains of is a failure"""
    wrong = numbered.decodes(path)
    assert not wrong, (path, wrong)
    streams = numbered.run(["ffprobe", "-v", "error", "-count_packets", "-select_streams", "v", "-show_entries", "stream=nb_read_packets", "-of", "csv=p=0", path])
    return float(numbered.probe(path)["format"]["duration"]), int(streams.decode().strip().strip(",") or 0)


def check(feed, pictures, ends, seam_s=TIME_S):
    """
    @param pictures that came out of the feed: none of them is missing in the files
    @param ends why files ended, but the last one's "stop"
    @param seam_s between the end of a file and the next one's start, at most
    """
    frames, recording = read(feed), feeder.new_id()
    with Recorder() as recorder:
        server = Server(recorder)
        server.start(recording)
        play(server, frames)
        server.stop(recording)
        server.close()
        recorded = Recorded(recorder, recording)
        files = sorted(recorded.files, key=lambda f: f["start_us"])
        why = [line["reason"] for line in recorded.journal if line["type"] == "file_end" and line["reason"] != "video"]  # sound alone until the first picture
        assert why == [*ends, "stop"], (why, ends)
        found = [probe(recorded.path(f)) for f in files]
        for f, (seconds, _) in zip(files, found):
            assert abs(seconds - f["duration_us"] / 1e6) < TIME_S, (f, seconds)
        assert sum(n for _, n in found) == pictures, ([n for _, n in found], pictures)
        seams = [(b["start_us"] - a["start_us"] - a["duration_us"]) / 1e6 for a, b in zip(files, files[1:])]
        assert all(-AHEAD_S < s < seam_s for s in seams), seams
        whole = (files[-1]["start_us"] + files[-1]["duration_us"] - files[0]["start_us"]) / 1e6
        sent = (frames[-1][0] - frames[0][0]) / 1e6
        assert abs(whole - sent) < 0.5, (whole, sent)  # the first packets are later than the first frame, the order to stop than the last one
        status, text = recorder.command("verify", recorder.dir)
        assert status == 0, text
    return files, f"{len(files)} files, {pictures} pictures, {whole:.2f} s" + (f", {max(seams) * 1000:.0f} ms between them at most" if seams else "")
