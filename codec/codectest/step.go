package codectest

import (
	"testing"

	"cashew/codec"
)

// hot is what a Stepper calls of a protocol.
type hot interface {
	codec.Commands
	codec.Answers
	codec.Fragments
	codec.Replies
}

// Stepper takes steps of the hot path, again and again, with one of each thing that a session and a server connection reuse.
type Stepper struct {
	t         testing.TB
	p         hot
	cl        codec.Client
	scan      codec.Scan
	cmd       codec.Command
	reply     codec.ReplyScan
	dst, kept []byte
}

// NewStepper returns a Stepper through p whose steps fail t if they go wrong.
func NewStepper(t testing.TB, p hot) *Stepper {
	return &Stepper{t: t, p: p, dst: make([]byte, 0, 1<<16), kept: make([]byte, 0, 1<<16)}
}

// NewStepperOf is NewStepper for a client of a profile whose replies have marks; they answer any command.
func NewStepperOf(t testing.TB, p hot, pr codec.Profile) *Stepper {
	s := NewStepper(t, p)
	s.cl.Profile, s.reply.Marked = pr, true
	return s
}

// Whole parses frame, one command, and then does what that asks for: answers it, or makes a fragment of it.
func (s *Stepper) Whole(frame []byte) func() {
	return func() {
		s.parse(frame, len(frame))
		switch s.cmd.Kind {
		case codec.Local, codec.Switch, codec.Refuse, codec.Queue, codec.Exec, codec.Discard, codec.Quit:
			s.dst = s.p.AppendLocal(s.dst[:0], &s.cl, &s.cmd)
		case codec.Scatter:
			s.dst = s.p.AppendFragment(s.dst[:0], &s.cmd, len(s.cmd.Keys))
			s.dst = s.p.AppendFragmentEnd(s.dst, &s.cmd)
			s.kept = s.p.AppendKeys(s.kept[:0], &s.cmd)
		}
	}
}

// InTwo parses frame of which one half comes after the other.
func (s *Stepper) InTwo(frame []byte) func() {
	return func() {
		s.parse(frame[:len(frame)/2], 0)
		s.parse(frame, len(frame))
	}
}

func (s *Stepper) parse(buf []byte, want int) {
	if n, err := s.p.ParseCommand(&s.cl, &s.scan, buf, &s.cmd); n != want || err != nil {
		s.t.Fatalf("ParseCommand(%.80q) = %d, %v; want %d", buf, n, err, want)
	}
}

// Reply scans stream, one reply, once in halves and once whole.
func (s *Stepper) Reply(stream string) func() {
	in := []byte(stream)
	return func() {
		s.scanReply(in[:len(in)/2], false)
		s.scanReply(in[len(in)/2:], true)
		s.scanReply(in, true)
	}
}

func (s *Stepper) scanReply(buf []byte, want bool) {
	if n, done, err := s.p.ScanReply(&s.reply, buf); n != len(buf) || done != want || err != nil {
		s.t.Fatalf("ScanReply(%.80q) = %d, %v, %v; want %d, %v", buf, n, done, err, len(buf), want)
	}
}

// Coalesced makes the reply to g.
func (s *Stepper) Coalesced(g *codec.Gather) func() {
	return func() {
		clear(g.Cursor)
		s.dst = s.p.AppendCoalesced(s.dst[:0], g)
	}
}
