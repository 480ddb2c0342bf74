package memcached

import (
	"bytes"
	"strings"

	"cashew/codec"
)

// Keeps implements codec.Tracked.
func (*Protocol) Keeps(cmd *codec.Command) (is, shares bool) {
	switch {
	case cmd.Mark != 0:
		return false, false
	case cmd.Op == opMetaGet: // of an item that md has made stale the first who asks is told to renew it
		return asksItem(cmd.Frame), false
	}
	return cmd.Op == opGet || cmd.Op == opGets, true
}

// itemFlags are those of mg with which it asks for the item alone: h, l and t tell of time, and of what the server counts for itself, N, R, T and E change
// the item, and by O a client tells its commands apart.
const itemFlags = "bcfksv"

// asksItem says that the mg of a frame has no other flags than these.
func asksItem(frame []byte) bool {
	line := withoutCR(frame[:len(frame)-1])
	_, pos := word(line, len("mg"))
	for {
		from, to := word(line, pos)
		if from == to {
			return true
		}
		if to-from != 1 || strings.IndexByte(itemFlags, line[from]) < 0 {
			return false
		}
		pos = to
	}
}

// Stays implements codec.Tracked: W, X and Z are said of an item that is stale, and of who is to renew it.
func (p *Protocol) Stays(op uint16, reply []byte) bool {
	if op == opMetaGet {
		end := bytes.IndexByte(reply, '\r')
		for from, to := word(reply[:max(end, 0)], 0); from < to; from, to = word(reply[:end], to) {
			if to-from == 1 && reply[from] >= 'W' && reply[from] <= 'Z' {
				return false
			}
		}
	}
	return !p.IsError(reply)
}

// AppendNothing implements codec.Tracked. A memcached from before the meta commands says ERROR.
func (*Protocol) AppendNothing(dst []byte, pr codec.Profile) []byte {
	if pr == Binary {
		return append(dst, noopWith(magicRequest, 0)...)
	}
	return append(dst, probe...)
}

// TracksIn implements codec.Tracked: servers tell nobody of what is written.
func (*Protocol) TracksIn() (codec.Profile, bool) { return 0, false }

// AppendTracker implements codec.Tracked, and is never called.
func (*Protocol) AppendTracker(dst []byte, _ []string) []byte { return dst }

// TrackerNumber implements codec.Tracked, and is never called.
func (*Protocol) TrackerNumber([]byte) (int64, bool) { return 0, false }

// AppendTracks implements codec.Tracked, and is never called.
func (*Protocol) AppendTracks(dst []byte, _ int64) []byte { return dst }

// AppendTracksNext implements codec.Tracked, and is never called.
func (*Protocol) AppendTracksNext(dst []byte) []byte { return dst }

// Tracks implements codec.Tracked, and is never called.
func (*Protocol) Tracks([]byte) bool { return false }

// Later implements codec.Tracked, and is never called.
func (*Protocol) Later([]byte) bool { return false }

// AppendLife implements codec.Tracked, and is never called.
func (*Protocol) AppendLife(dst, _ []byte) []byte { return dst }

// Life implements codec.Tracked, and is never called.
func (*Protocol) Life([]byte) (int64, bool) { return 0, false }

// Invalidates implements codec.Tracked, and is never called.
func (*Protocol) Invalidates([]byte, func(key []byte)) (all bool) { return true }

// AppendCaching implements codec.Tracked, and is never called.
func (*Protocol) AppendCaching(dst []byte, _ bool) []byte { return dst }

// KeepsCaching implements codec.Tracked, and is never called.
func (*Protocol) KeepsCaching(uint16) bool { return false }

// AppendForgotten implements codec.Tracked, and is never called.
func (*Protocol) AppendForgotten(dst []byte) []byte { return dst }

// Tells implements codec.Tracked, and is never called.
func (*Protocol) Tells([]byte) bool { return false }
