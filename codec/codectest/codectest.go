// Package codectest holds what the tests of the wire protocols share: it feeds a stream to a protocol the way a
// session and a server connection do, whole or in pieces, and tells what came out.
package codectest

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"cashew/codec"
)

// maxEverySplit is the longest stream that EverySplit cuts at every byte; a longer one is cut near its ends and at
// about as many places between.
const maxEverySplit = 2048

// EverySplit calls f with stream in one piece, in two pieces cut at every byte, and byte by byte.
func EverySplit(stream []byte, f func(pieces [][]byte)) {
	f([][]byte{stream})
	step := 1 + len(stream)/maxEverySplit
	for i := 1; i < len(stream); i++ {
		if i%step != 0 && i > 64 && i < len(stream)-64 {
			continue
		}
		f([][]byte{stream[:i:i], stream[i:]})
	}
	if len(stream) <= maxEverySplit {
		f(Bytes(stream))
	}
}

// Bytes cuts stream into pieces of one byte.
func Bytes(stream []byte) [][]byte {
	var pieces [][]byte
	for i := range stream {
		pieces = append(pieces, stream[i:i+1])
	}
	return pieces
}

// Command is a copy of what ParseCommand found.
type Command struct {
	Kind    codec.Kind
	NoReply bool
	Quiet   uint16
	Frame   string
	Key     string // "" with HasKey false: none
	HasKey  bool
	Keys    []string // the keys' own bytes
	Extents []string // what goes into a fragment for each key
	Reply   string   // what AppendLocal says to what it answers, and AppendReport to Report, asked of About
	Last    bool     // what AppendReport said
}

// String tells all of c in a line.
func (c Command) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%v %q", KindName(c.Kind), c.Frame)
	if c.HasKey {
		fmt.Fprintf(&b, " key %q", c.Key)
	}
	for i, k := range c.Keys {
		fmt.Fprintf(&b, " keys[%d] %q in %q", i, k, c.Extents[i])
	}
	if c.NoReply {
		b.WriteString(" noreply")
	}
	if c.Quiet != 0 {
		fmt.Fprintf(&b, " quiet %d", c.Quiet)
	}
	if c.Reply != "" {
		fmt.Fprintf(&b, " reply %q", c.Reply)
	}
	return b.String()
}

// KindName is kind's name in codec.
func KindName(kind codec.Kind) string {
	switch kind {
	case codec.Forward:
		return "Forward"
	case codec.OfSlot:
		return "OfSlot"
	case codec.Scatter:
		return "Scatter"
	case codec.Fanout:
		return "Fanout"
	case codec.Local:
		return "Local"
	case codec.Refuse:
		return "Refuse"
	case codec.Ignore:
		return "Ignore"
	case codec.Report:
		return "Report"
	case codec.Switch:
		return "Switch"
	case codec.Queue:
		return "Queue"
	case codec.Exec:
		return "Exec"
	case codec.Discard:
		return "Discard"
	case codec.Lease:
		return "Lease"
	case codec.Subscribe:
		return "Subscribe"
	case codec.Publish:
		return "Publish"
	case codec.Anywhere:
		return "Anywhere"
	case codec.Walk:
		return "Walk"
	case codec.Quietly:
		return "Quietly"
	case codec.Unknown:
		return "Unknown"
	case codec.Quit:
		return "Quit"
	}
	return fmt.Sprintf("Kind(%d)", kind)
}

// clientSide is what Commands calls of a protocol.
type clientSide interface {
	codec.Commands
	codec.Answers
	codec.Reports
}

// Commands feeds pieces to ParseCommand as a session does: it asks again only when Scan.Need bytes are there, and answers
// local commands at once. It ends with the stream, at the first malformed frame or behind Quit. rest is what was not
// consumed; "" behind an error. An error that is neither nil nor wraps codec.ErrMalformed is a broken promise of p.
func Commands(p clientSide, cl *codec.Client, pieces [][]byte) (got []Command, rest string, err error) {
	var (
		buf []byte
		s   codec.Scan
		cmd codec.Command
	)
	for i, piece := range pieces {
		buf = append(buf, piece...)
		for len(buf) > 0 && len(buf) >= s.Need {
			n, err := p.ParseCommand(cl, &s, buf, &cmd)
			if err != nil {
				if n != 0 || !errors.Is(err, codec.ErrMalformed) {
					return got, "", fmt.Errorf("broken promise: ParseCommand = %d, %w", n, err)
				}
				if e := fresh(&s); e != nil {
					return got, "", e
				}
				return got, "", err
			}
			if n == 0 {
				if s.Need <= len(buf) {
					return got, "", fmt.Errorf("broken promise: Need %d with %d bytes", s.Need, len(buf))
				}
				break
			}
			if n > len(buf) {
				return got, "", fmt.Errorf("broken promise: n %d of %d bytes", n, len(buf))
			}
			if e := fresh(&s); e != nil {
				return got, "", e
			}
			got = append(got, copyOf(p, cl, &cmd))
			buf = bytes.Clone(buf[n:])
			if cmd.Kind == codec.Quit {
				return got, string(append(buf, bytes.Join(pieces[i+1:], nil)...)), nil
			}
		}
	}
	return got, string(buf), nil
}

// fresh tells whether s is as it must be before a frame.
func fresh(s *codec.Scan) error {
	if s.Need != 0 || s.Pos != 0 || s.Left != 0 || s.Index != 0 || s.Op != 0 || len(s.Keys) != 0 {
		return fmt.Errorf("broken promise: Scan not ready for the next frame: %+v", *s)
	}
	return nil
}

func copyOf(p clientSide, cl *codec.Client, cmd *codec.Command) Command {
	c := Command{
		Kind: cmd.Kind, NoReply: cmd.NoReply, Quiet: cmd.Quiet, Frame: string(cmd.Frame), Key: string(cmd.Key), HasKey: cmd.Key != nil,
	}
	for i, k := range cmd.Keys {
		c.Keys = append(c.Keys, string(cmd.KeyAt(i)))
		c.Extents = append(c.Extents, string(cmd.Frame[k.Start:k.End]))
	}
	switch cmd.Kind {
	case codec.Local, codec.Switch, codec.Refuse, codec.Queue, codec.Exec, codec.Discard, codec.Quit:
		c.Reply = string(p.AppendLocal([]byte("before"), cl, cmd))
		c.Reply = strings.TrimPrefix(c.Reply, "before")
	case codec.Report:
		reply, last := p.AppendReport([]byte("before"), *cl, cmd.Op, bytes.Clone(cmd.Frame), &About{ID: cl.ID})
		c.Reply, c.Last = strings.TrimPrefix(string(reply), "before"), last
	}
	if cmd.Quiet != 0 && cmd.Kind != codec.Forward {
		p.Skipped(cl, cmd)
	}
	return c
}

// Reply is one whole reply that ScanReply found.
type Reply struct {
	First byte
	Bytes string
}

// Replies feeds pieces to ScanReply as a server connection does. rest is the unfinished reply at the end.
func Replies(p codec.Replies, pieces [][]byte) (got []Reply, rest string, err error) {
	var (
		s   codec.ReplyScan
		cur []byte
	)
	for _, piece := range pieces {
		for len(piece) > 0 {
			n, done, err := p.ScanReply(&s, piece)
			if err != nil {
				if !errors.Is(err, codec.ErrMalformed) {
					err = fmt.Errorf("broken promise: %w", err)
				}
				return got, "", err
			}
			if !done && n != len(piece) {
				return got, "", fmt.Errorf("broken promise: ScanReply took %d of %d bytes of an unfinished reply", n, len(piece))
			}
			cur = append(cur, piece[:n]...)
			piece = piece[n:]
			if done {
				got = append(got, Reply{s.First, string(cur)})
				cur = cur[:0]
			}
		}
	}
	return got, string(cur), nil
}
