#!/usr/bin/python3
"""GStreamer's webrtcbin as publisher and receiver; see peer.py."""
import sys
import time

import peer

try:
    import gi
    import numpy

    gi.require_version("Gst", "1.0")
    gi.require_version("GstWebRTC", "1.0")
    gi.require_version("GstSdp", "1.0")
    from gi.repository import GLib, Gst, GstSdp, GstWebRTC
except (ImportError, ValueError) as missing:
    print("skipped:", missing)
    sys.exit(77)

ENCODERS = {
    "VP8": "vp8enc deadline=1 cpu-used=8 keyframe-max-dist=100 target-bitrate=400000 ! rtpvp8pay pt=96 picture-id-mode=15-bit",
    "H264": "openh264enc bitrate=400000 gop-size=100 ! h264parse ! rtph264pay pt=96 config-interval=-1 aggregate-mode=zero-latency",
}
DECODERS = {"VP8": "rtpvp8depay ! vp8dec", "H264": "rtph264depay ! h264parse ! openh264dec", "OPUS": "rtpopusdepay ! opusdec"}
ELEMENTS = "webrtcbin nicesrc dtlsdec srtpenc vp8enc opusenc compositor rtpbin".split()
FORMATS = {"VP8": "", "H264": ",packetization-mode=(string)1,profile-level-id=(string)42e01f"}
SOURCES = """
    webrtcbin name=w bundle-policy=max-bundle
    audiotestsrc is-live=1 freq={tone} volume=0.4 ! audio/x-raw,rate=48000,channels=1 ! opusenc ! rtpopuspay pt=97 ! w.
    videotestsrc is-live=1 pattern=solid-color foreground-color={colour}
        ! video/x-raw,format=I420,width={width},height={height},framerate={fps}/1 ! compositor name=c ! {encoder} ! w.
    videotestsrc is-live=1 pattern=snow ! video/x-raw,format=I420,width=64,height=64,framerate={fps}/1 ! c."""


def describe(kind, text):
    """From text, even what came as a description: the one in a promise's reply is empty once it is passed on (GStreamer 1.22)."""
    _, message = GstSdp.SDPMessage.new_from_text(text)
    return GstWebRTC.WebRTCSessionDescription.new(getattr(GstWebRTC.WebRTCSDPType, kind), message)


class Peer:
    def __init__(self, args):
        self.args, self.loop, self.error = args, GLib.MainLoop(), None
        self.got, self.samples = peer.Received(args), numpy.zeros(0)
        self.resource = peer.Resource(args.url, args.setup)
        if args.verb == "publish":
            level = round((args.luma - 16) * 255 / 219)
            self.pipeline = Gst.parse_launch(SOURCES.format(
                tone=args.tone, colour=0xFF000000 | level * 0x10101, encoder=ENCODERS[args.codec], width=peer.WIDTH,
                height=peer.HEIGHT, fps=peer.FPS))
            self.webrtc = self.pipeline.get_by_name("w")
        else:
            self.pipeline = Gst.Pipeline()
            self.webrtc = Gst.ElementFactory.make("webrtcbin")
            self.webrtc.set_property("bundle-policy", GstWebRTC.WebRTCBundlePolicy.MAX_BUNDLE)
            self.pipeline.add(self.webrtc)
            self.webrtc.connect("pad-added", self.on_pad)
            for caps in ("audio,encoding-name=OPUS,payload=97,clock-rate=48000,encoding-params=(string)2",
                         f"video,encoding-name={args.codec},payload=96,clock-rate=90000{FORMATS[args.codec]}"):
                self.webrtc.emit("add-transceiver", GstWebRTC.WebRTCRTPTransceiverDirection.RECVONLY,
                                 Gst.Caps.from_string("application/x-rtp,media=" + caps))
        self.each_transceiver()
        self.webrtc.connect("on-negotiation-needed", self.on_negotiation)
        self.webrtc.connect("notify::ice-gathering-state", lambda *_: GLib.idle_add(self.on_gathering))
        self.webrtc.connect("notify::connection-state", lambda *_: GLib.idle_add(self.on_connection))
        bus = self.pipeline.get_bus()
        bus.add_signal_watch()
        bus.connect("message::error", lambda _, message: self.fail(message.parse_error()[0]))

    def each_transceiver(self):
        i = 0
        while (transceiver := self.webrtc.emit("get-transceiver", i)) is not None:
            transceiver.set_property("do-nack", True)
            if self.args.verb == "publish":
                transceiver.set_property("direction", GstWebRTC.WebRTCRTPTransceiverDirection.SENDONLY)
            i += 1

    def fail(self, error):
        self.error = error
        self.loop.quit()

    def on_negotiation(self, webrtc):
        def made(promise, *_):
            promise.wait()
            reply = promise.get_reply()
            offer = describe("OFFER", reply.get_value("offer").sdp.as_text())
            webrtc.emit("set-local-description", offer, Gst.Promise.new())

        webrtc.emit("create-offer", None, Gst.Promise.new_with_change_func(made))

    def on_gathering(self):
        state = self.webrtc.get_property("ice-gathering-state")
        if state != GstWebRTC.WebRTCICEGatheringState.COMPLETE or self.resource.location:
            return
        try:
            answer = self.resource.offer(self.webrtc.get_property("local-description").sdp.as_text())
        except Exception as error:
            self.fail(error)
            return
        self.webrtc.emit("set-remote-description", describe("ANSWER", answer), Gst.Promise.new())

    def on_connection(self):
        if self.webrtc.get_property("connection-state") == GstWebRTC.WebRTCPeerConnectionState.CONNECTED:
            self.got.connected()

    def on_pad(self, _webrtc, pad):
        if pad.get_direction() != Gst.PadDirection.SRC:
            return
        name = pad.get_current_caps().get_structure(0).get_value("encoding-name")
        audio = name == "OPUS"
        raw = "audioconvert ! audioresample ! audio/x-raw,format=S16LE,channels=1,rate=48000" if audio else "videoconvert ! video/x-raw,format=I420"
        branch = Gst.parse_bin_from_description(f"queue ! {DECODERS[name]} ! {raw} ! appsink name=out emit-signals=1 sync=0", True)
        branch.get_by_name("out").connect("new-sample", self.hear if audio else self.see)
        if not audio:
            self.got.codec = name
        pad.add_probe(Gst.PadProbeType.BUFFER, self.count, audio)
        self.pipeline.add(branch)
        branch.sync_state_with_parent()
        pad.link(branch.get_static_pad("sink"))

    def count(self, _pad, info, audio):
        self.got.bytes += info.get_buffer().get_size()
        self.got.audio_packets += audio
        return Gst.PadProbeReturn.OK

    def hear(self, sink):
        buffer = sink.emit("pull-sample").get_buffer()
        samples = numpy.frombuffer(buffer.extract_dup(0, buffer.get_size()), dtype=numpy.int16) / 32768
        self.samples = numpy.concatenate([self.samples, samples])[-peer.RATE // 2 :]
        return Gst.FlowReturn.OK

    def see(self, sink):
        sample = sink.emit("pull-sample")
        caps = sample.get_caps().get_structure(0)
        self.got.video_frames += 1
        self.got.width, self.got.height = caps.get_value("width"), caps.get_value("height")
        if self.got.video_frames % 5 == 0:
            self.got.luma = peer.luma_of(sample.get_buffer().extract_dup(0, self.got.width * self.got.height))
        return Gst.FlowReturn.OK

    def tick(self):
        if self.args.verb == "publish":
            if self.got.connected_ms is None and self.got.expired():
                self.fail("not connected")
            if peer.input_ended(0):
                self.loop.quit()
            return True
        self.got.tone_hz = peer.tone_of(self.samples)
        if self.got.enough() or self.got.expired():
            self.loop.quit()
        return True

    def run(self):
        self.pipeline.set_state(Gst.State.PLAYING)
        GLib.timeout_add(100, self.tick)
        self.loop.run()
        if self.error:
            print(self.error, file=sys.stderr)
        elif self.args.verb == "publish":
            peer.emit("result", connected_ms=self.got.connected_ms)
        else:
            self.got.emit()
        self.resource.delete()
        self.pipeline.set_state(Gst.State.NULL)
        return 1 if self.error else 0


def main():
    Gst.init(None)
    for name in ELEMENTS:
        if not Gst.ElementFactory.find(name):
            print("skipped: GStreamer has no element", name)
            return 77
    return Peer(peer.arguments()).run()


sys.exit(main())
