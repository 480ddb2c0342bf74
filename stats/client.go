// Package stats has what a proxy counts. Each loop counts in plain fields of its own, so that no request waits for a lock. Who asks
// gets copies, made between two callbacks of that loop, and adds those of all loops up on another goroutine.
//
//	loop 1: ClientTally, ServerTally, Sketch, SlowLog --copies--+
//	loop 2: the same                                  --copies--+--> Snapshot, HotKey, SlowEntry: plain values to print
package stats

import (
	"maps"

	"cashew/codec"
)

// ClientTally is what one loop counts of one pool's clients.
type ClientTally struct {
	EOF, Err int64                    // clients that left, by cause
	Blocked  int64                    // clients that wait until more is taken from them, now
	InFlight int64                    // commands whose reply is owed, now
	Profiles [codec.MaxProfiles]int64 // clients by profile, now
	Local    int64                    // commands that the proxy answered

	Fragments int64 // parts of commands that went to several servers

	BytesIn, BytesOut int64
	WriteBack         Histogram // from a reply's last byte, or its turn, to the write to the client

	Refused map[string]int64 // commands by name, few names; nil: none
}

// Clone is a copy that shares nothing with t.
func (t *ClientTally) Clone() ClientTally {
	c := *t
	c.WriteBack, c.Refused = t.WriteBack.Clone(), maps.Clone(t.Refused)
	return c
}

// Refuse counts a command of that name that was refused; "" is none.
func (t *ClientTally) Refuse(name string) {
	if t.Refused == nil {
		t.Refused = map[string]int64{OtherCommand: 0}
	}
	addName(t.Refused, name, 1)
}

// MaxRefusedNames is how many names of refused commands are told apart; the others are OtherCommand.
const MaxRefusedNames = 64

// OtherCommand stands for all names beyond MaxRefusedNames.
const OtherCommand = "other"

// addName adds n to what m, which has OtherCommand, counts of name.
func addName(m map[string]int64, name string, n int64) {
	if _, known := m[name]; name == "" || !known && len(m) > MaxRefusedNames {
		name = OtherCommand
	}
	m[name] += n
}
