// Pion as publisher and receiver. peer_pion.py calls it: pion publish|receive URL, options as below; it writes JSON lines as ../peer.py
// says. What it sends comes from files, what it receives goes into files.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/pion/dtls/v2"
	"github.com/pion/interceptor"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/rtp/codecs"
	"github.com/pion/webrtc/v3"
	"github.com/pion/webrtc/v3/pkg/media"
	"github.com/pion/webrtc/v3/pkg/media/h264reader"
	"github.com/pion/webrtc/v3/pkg/media/h264writer"
	"github.com/pion/webrtc/v3/pkg/media/ivfreader"
	"github.com/pion/webrtc/v3/pkg/media/ivfwriter"
	"github.com/pion/webrtc/v3/pkg/media/oggreader"
	"github.com/pion/webrtc/v3/pkg/media/oggwriter"
)

const (
	fps        = 20
	audioFrame = 20 * time.Millisecond
)

var (
	codec   = flag.String("codec", "VP8", "VP8 or H264")
	seconds = flag.Float64("seconds", 10, "receive for so long at most")
	setup   = flag.String("setup", "actpass", "a=setup of the offer")
	profile = flag.String("srtp", "", "gcm or cm: offer only this")
	audio   = flag.String("audio", "", "Ogg file to send or to write")
	video   = flag.String("video", "", "IVF or H264 file to send or to write")
	frames  = flag.Int("frames", 60, "receive so many video frames")
	packets = flag.Int("packets", 60, "receive so many audio packets")
	restart = flag.Bool("restart", false, "restart ICE when media flows")
)

func emit(event string, fields map[string]interface{}) {
	fields["event"] = event
	text, _ := json.Marshal(fields)
	fmt.Println(string(text))
}

func mime() string {
	if *codec == "H264" {
		return webrtc.MimeTypeH264
	}
	return webrtc.MimeTypeVP8
}

func register(m *webrtc.MediaEngine) error {
	opus := webrtc.RTPCodecParameters{PayloadType: 109, RTPCodecCapability: webrtc.RTPCodecCapability{
		MimeType: webrtc.MimeTypeOpus, ClockRate: 48000, Channels: 2, SDPFmtpLine: "minptime=10;useinbandfec=1"}}
	if err := m.RegisterCodec(opus, webrtc.RTPCodecTypeAudio); err != nil {
		return err
	}
	fmtp := ""
	if *codec == "H264" {
		fmtp = "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f"
	}
	feedback := []webrtc.RTCPFeedback{{Type: "nack"}, {Type: "nack", Parameter: "pli"}, {Type: "ccm", Parameter: "fir"}}
	picture := webrtc.RTPCodecParameters{PayloadType: 120, RTPCodecCapability: webrtc.RTPCodecCapability{
		MimeType: mime(), ClockRate: 90000, SDPFmtpLine: fmtp, RTCPFeedback: feedback}}
	if err := m.RegisterCodec(picture, webrtc.RTPCodecTypeVideo); err != nil {
		return err
	}
	rtx := webrtc.RTPCodecParameters{PayloadType: 121, RTPCodecCapability: webrtc.RTPCodecCapability{
		MimeType: "video/rtx", ClockRate: 90000, SDPFmtpLine: "apt=120"}}
	return m.RegisterCodec(rtx, webrtc.RTPCodecTypeVideo)
}

func connect() (*webrtc.PeerConnection, error) {
	m := &webrtc.MediaEngine{}
	if err := register(m); err != nil {
		return nil, err
	}
	registry := &interceptor.Registry{}
	if err := webrtc.RegisterDefaultInterceptors(m, registry); err != nil {
		return nil, err
	}
	s := webrtc.SettingEngine{}
	switch *profile {
	case "gcm":
		s.SetSRTPProtectionProfiles(dtls.SRTP_AEAD_AES_128_GCM)
	case "cm":
		s.SetSRTPProtectionProfiles(dtls.SRTP_AES128_CM_HMAC_SHA1_80)
	}
	api := webrtc.NewAPI(webrtc.WithMediaEngine(m), webrtc.WithInterceptorRegistry(registry), webrtc.WithSettingEngine(s))
	return api.NewPeerConnection(webrtc.Configuration{})
}

// peer is one connection with its WHIP or WHEP resource.
type peer struct {
	pc       *webrtc.PeerConnection
	resource *resource
	begin    time.Time
	mutex    sync.Mutex
	up       chan struct{}
	ms       int64
}

func (p *peer) watch() {
	p.up = make(chan struct{})
	var once sync.Once
	p.pc.OnConnectionStateChange(func(state webrtc.PeerConnectionState) {
		if state == webrtc.PeerConnectionStateConnected {
			once.Do(func() {
				p.ms = time.Since(p.begin).Milliseconds()
				emit("connected", map[string]interface{}{"connected_ms": p.ms})
				close(p.up)
			})
		}
	})
}

func (p *peer) gather(options *webrtc.OfferOptions) (string, error) {
	offer, err := p.pc.CreateOffer(options)
	if err != nil {
		return "", err
	}
	complete := webrtc.GatheringCompletePromise(p.pc)
	if err := p.pc.SetLocalDescription(offer); err != nil {
		return "", err
	}
	<-complete
	return p.pc.LocalDescription().SDP, nil
}

func (p *peer) negotiate() error {
	p.begin = time.Now()
	offer, err := p.gather(nil)
	if err != nil {
		return err
	}
	answer, err := p.resource.post(strings.ReplaceAll(offer, "a=setup:actpass", "a=setup:"+*setup))
	if err != nil {
		return err
	}
	if err := p.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer}); err != nil {
		return err
	}
	select {
	case <-p.up:
		return nil
	case <-time.After(15 * time.Second):
		return errors.New("not connected after 15 s")
	}
}

func (p *peer) restart() error {
	offer, err := p.gather(&webrtc.OfferOptions{ICERestart: true})
	if err != nil {
		return err
	}
	answer, err := p.resource.patch(offer)
	if err != nil {
		return err
	}
	return p.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer})
}

// pictures reads a whole video file, frame by frame.
func pictures(path string) ([][]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	var frames [][]byte
	if *codec == "H264" {
		reader, err := h264reader.NewReader(file)
		if err != nil {
			return nil, err
		}
		var unit []byte
		for {
			nal, err := reader.NextNAL()
			if err != nil {
				return frames, nil
			}
			unit = append(append(unit, 0, 0, 0, 1), nal.Data...)
			if nal.UnitType == h264reader.NalUnitTypeCodedSliceNonIdr || nal.UnitType == h264reader.NalUnitTypeCodedSliceIdr {
				frames, unit = append(frames, unit), nil
			}
		}
	}
	reader, _, err := ivfreader.NewWith(file)
	if err != nil {
		return nil, err
	}
	for {
		frame, _, err := reader.ParseNextFrame()
		if err != nil {
			return frames, nil
		}
		frames = append(frames, frame)
	}
}

func sounds(path string) ([][]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	reader, _, err := oggreader.NewWith(file)
	if err != nil {
		return nil, err
	}
	var frames [][]byte
	for {
		page, _, err := reader.ParseNextPage()
		if err != nil {
			return frames, nil
		}
		if !strings.HasPrefix(string(page), "OpusTags") {
			frames = append(frames, page)
		}
	}
}

// play sends frames in turn until stop; a request for a key frame begins again at the first, which is one.
func play(track *webrtc.TrackLocalStaticSample, frames [][]byte, every time.Duration, again, stop <-chan struct{}) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for i := 0; ; i++ {
		select {
		case <-stop:
			return
		case <-again:
			i = 0
		case <-ticker.C:
		}
		_ = track.WriteSample(media.Sample{Data: frames[i%len(frames)], Duration: every})
	}
}

func requests(sender *webrtc.RTPSender, again chan<- struct{}) {
	for {
		packets, _, err := sender.ReadRTCP()
		if err != nil {
			return
		}
		for _, packet := range packets {
			switch packet.(type) {
			case *rtcp.PictureLossIndication, *rtcp.FullIntraRequest:
				select {
				case again <- struct{}{}:
				default:
				}
			}
		}
	}
}

func add(pc *webrtc.PeerConnection, mimeType, id string) (*webrtc.TrackLocalStaticSample, *webrtc.RTPSender, error) {
	track, err := webrtc.NewTrackLocalStaticSample(webrtc.RTPCodecCapability{MimeType: mimeType}, id, "pion")
	if err != nil {
		return nil, nil, err
	}
	transceiver, err := pc.AddTransceiverFromTrack(track, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly})
	if err != nil {
		return nil, nil, err
	}
	return track, transceiver.Sender(), nil
}

func publish(p *peer) error {
	sound, err := sounds(*audio)
	if err != nil {
		return err
	}
	picture, err := pictures(*video)
	if err != nil {
		return err
	}
	if len(sound) == 0 || len(picture) == 0 {
		return errors.New("empty files")
	}
	voice, voiceSender, err := add(p.pc, webrtc.MimeTypeOpus, "audio")
	if err != nil {
		return err
	}
	camera, cameraSender, err := add(p.pc, mime(), "video")
	if err != nil {
		return err
	}
	again, stop := make(chan struct{}, 1), make(chan struct{})
	go requests(voiceSender, make(chan struct{}, 1))
	go requests(cameraSender, again)
	if err := p.negotiate(); err != nil {
		return err
	}
	go play(voice, sound, audioFrame, nil, stop)
	go play(camera, picture, time.Second/fps, again, stop)
	if *restart {
		time.Sleep(time.Second)
		if err := p.restart(); err != nil {
			return err
		}
	}
	_, _ = io.Copy(io.Discard, os.Stdin)
	close(stop)
	emit("result", map[string]interface{}{"connected_ms": p.ms, "restarted": *restart})
	return nil
}

// got counts what a receiver has.
type got struct {
	sync.Mutex
	audio, frames, keys, bytes, lost, width, height int
	name                                            string
	last                                            map[uint32]uint16
}

func (g *got) take(packet *rtp.Packet) {
	g.bytes += len(packet.Payload)
	if last, ok := g.last[packet.SSRC]; ok {
		if step := int16(packet.SequenceNumber - last); step > 1 {
			g.lost += int(step) - 1
		}
	}
	g.last[packet.SSRC] = packet.SequenceNumber
}

func (g *got) takeVP8(payload []byte) {
	var descriptor codecs.VP8Packet
	data, err := descriptor.Unmarshal(payload)
	if err != nil || descriptor.S != 1 || descriptor.PID != 0 || len(data) < 10 || data[0]&1 != 0 {
		return
	}
	// RFC 6386 section 9.1: a key frame begins with a start code and its size
	if data[3] == 0x9d && data[4] == 0x01 && data[5] == 0x2a {
		g.keys++
		g.width = int(data[6]) | int(data[7]&0x3f)<<8
		g.height = int(data[8]) | int(data[9]&0x3f)<<8
	}
}

func (g *got) enough() bool {
	g.Lock()
	defer g.Unlock()
	return g.frames >= *frames && g.audio >= *packets
}

func newWriters() (media.Writer, media.Writer, error) {
	voice, err := oggwriter.New(*audio, 48000, 2)
	if err != nil {
		return nil, nil, err
	}
	if *codec == "H264" {
		camera, err := h264writer.New(*video)
		return voice, camera, err
	}
	camera, err := ivfwriter.New(*video)
	return voice, camera, err
}

func (g *got) read(track *webrtc.TrackRemote, writer media.Writer) {
	for {
		packet, _, err := track.ReadRTP()
		if err != nil {
			return
		}
		g.Lock()
		g.take(packet)
		if track.Kind() == webrtc.RTPCodecTypeAudio {
			g.audio++
		} else {
			g.name = strings.TrimPrefix(track.Codec().MimeType, "video/")
			if track.Codec().MimeType == webrtc.MimeTypeVP8 {
				g.takeVP8(packet.Payload)
			}
			if packet.Marker {
				g.frames++
			}
		}
		if len(packet.Payload) > 0 {
			_ = writer.WriteRTP(packet)
		}
		g.Unlock()
	}
}

func receive(p *peer) error {
	g := &got{last: map[uint32]uint16{}}
	voice, camera, err := newWriters()
	if err != nil {
		return err
	}
	p.pc.OnTrack(func(track *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
		if track.Kind() == webrtc.RTPCodecTypeAudio {
			g.read(track, voice)
		} else {
			g.read(track, camera)
		}
	})
	for _, kind := range []webrtc.RTPCodecType{webrtc.RTPCodecTypeAudio, webrtc.RTPCodecTypeVideo} {
		_, err := p.pc.AddTransceiverFromKind(kind, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly})
		if err != nil {
			return err
		}
	}
	if err := p.negotiate(); err != nil {
		return err
	}
	end := time.Now().Add(time.Duration(*seconds * float64(time.Second)))
	restarted := !*restart
	for !g.enough() && time.Now().Before(end) {
		time.Sleep(100 * time.Millisecond)
		if g.enough() && !restarted {
			restarted = true
			if err := p.restart(); err != nil {
				return err
			}
			// an old path would carry media on, so what counts comes a while after the server took the new credentials
			time.Sleep(time.Second)
			g.Lock()
			g.audio, g.frames = 0, 0
			g.Unlock()
		}
	}
	g.Lock()
	defer g.Unlock()
	if err := voice.Close(); err != nil {
		return err
	}
	if err := camera.Close(); err != nil {
		return err
	}
	emit("result", map[string]interface{}{"connected_ms": p.ms, "audio_packets": g.audio, "video_frames": g.frames,
		"key_frames": g.keys, "bytes": g.bytes, "lost": g.lost, "width": g.width, "height": g.height, "codec": g.name,
		"srtp": *profile, "restarted": *restart && restarted})
	return nil
}

func run() error {
	if len(os.Args) < 3 {
		return errors.New("usage: pion publish|receive URL …")
	}
	if err := flag.CommandLine.Parse(os.Args[3:]); err != nil {
		return err
	}
	pc, err := connect()
	if err != nil {
		return err
	}
	p := &peer{pc: pc, resource: &resource{url: os.Args[2]}}
	p.watch()
	if os.Args[1] == "publish" {
		err = publish(p)
	} else {
		err = receive(p)
	}
	p.resource.remove()
	if closed := pc.Close(); err == nil {
		err = closed
	}
	return err
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
