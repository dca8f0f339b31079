#!/usr/bin/python3
"""Pion as publisher and receiver; see peer.py. Encodes what the program sends, decodes what it received. PLM_PION names the program."""
import json
import os
import subprocess
import sys
import tempfile

import peer

SUFFIX = {"VP8": "ivf", "H264": "h264"}


def ffmpeg(*arguments):
    return subprocess.run(
        ["ffmpeg", "-v", "error", "-nostdin", "-y", *arguments], check=True, stdout=subprocess.PIPE).stdout


def encode(args, audio, video):
    ffmpeg("-f", "lavfi", "-i", f"sine=frequency={args.tone}:sample_rate={peer.RATE}:duration=10", "-ac", "2", "-c:a", "libopus",
           "-b:a", "64k", "-frame_duration", "20", "-page_duration", "20000", audio)
    picture = f"nullsrc=s={peer.WIDTH}x{peer.HEIGHT}:r={peer.FPS}:d=4,geq=lum='if(lt(X,64)*lt(Y,64),16+random(1)*200,{args.luma})':cb=128:cr=128"
    codec = {
        "VP8": ["libvpx", "-deadline", "realtime", "-cpu-used", "8", "-b:v", "400k"],
        "H264": ["libx264", "-profile:v", "baseline", "-tune", "zerolatency", "-preset", "ultrafast", "-threads", "1", "-b:v", "400k"],
    }[args.codec]
    ffmpeg("-f", "lavfi", "-i", picture, "-pix_fmt", "yuv420p", "-g", str(peer.FPS), "-c:v", *codec, video)


def judge(args, result, audio, video):
    import numpy

    got = peer.Received(args)
    for name in ("connected_ms", "audio_packets", "bytes", "width", "height", "codec", "srtp"):
        setattr(got, name, result[name])
    samples = numpy.frombuffer(ffmpeg("-i", audio, "-f", "s16le", "-ac", "1", "-ar", str(peer.RATE), "-"), dtype=numpy.int16)
    got.tone_hz = peer.tone_of(samples / 32768)
    planes = ffmpeg("-i", video, "-f", "rawvideo", "-pix_fmt", "yuv420p", "-")
    size = peer.WIDTH * peer.HEIGHT * 3 // 2
    # decoded frames, not those that arrived, are what counts
    got.video_frames = min(len(planes) // size, result["video_frames"])
    if got.video_frames:
        last = planes[(len(planes) // size - 1) * size :]
        got.luma = peer.luma_of(last[: peer.WIDTH * peer.HEIGHT])
    if args.codec == "H264":
        got.width, got.height = peer.WIDTH, peer.HEIGHT
    got.emit(lost=result["lost"], restarted=result["restarted"])


def main():
    args = peer.arguments()
    program = os.environ["PLM_PION"]
    with tempfile.TemporaryDirectory() as folder:
        audio, video = os.path.join(folder, "audio.ogg"), os.path.join(folder, "video." + SUFFIX[args.codec])
        command = [program, args.verb, args.url, "--codec", args.codec, "--seconds", str(args.seconds), "--setup", args.setup,
                   "--audio", audio, "--video", video]
        # some of what arrives comes before the first key frame and cannot be decoded
        frames, packets = peer.enough(args.hold)
        command += ["--frames", str(frames + 2 * peer.FPS), "--packets", str(packets)]
        if args.srtp:
            command += ["--srtp", args.srtp]
        if args.restart:
            command.append("--restart")
        if args.verb == "publish":
            encode(args, audio, video)
            return subprocess.run(command).returncode
        child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        for line in child.stdout:
            event = json.loads(line)
            if event["event"] == "result":
                judge(args, event, audio, video)
            else:
                print(line, end="", flush=True)
        return child.wait()


sys.exit(main())
