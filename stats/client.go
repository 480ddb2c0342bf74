// Package stats has what a proxy counts. Each loop counts in plain fields of its own, so that no request waits for a lock. Who asks
// gets copies, made between two callbacks of that loop, and adds those of all loops up on another goroutine.
//
//	loop 1: ClientTally, ServerTally, Sketch, SlowLog --copies--+
//	loop 2: the same                                  --copies--+--> Snapshot, HotKey, SlowEntry: plain values to print
package stats

import (
	"maps"

	"cashew/codec"
	"cashew/near"
)

// ClientTally is what one loop counts of one pool's clients.
type ClientTally struct {
	EOF, Err int64                    // clients that left, by cause
	Blocked  int64                    // clients that wait until more is taken from them, now
	Waiting  int64                    // clients that wait at a server, with a command that may block, now
	InFlight int64                    // commands whose reply is owed, now
	Profiles [codec.MaxProfiles]int64 // clients by profile, now
	Local    int64                    // commands that the proxy answered

	Subscriptions int64 // that clients have, now
	Moves         int64 // clients that were told to go before a drain
	Messages      int64 // of what they are subscribed to, given to clients

	Fragments int64 // parts of commands that went to several servers

	BytesIn, BytesOut int64
	WriteBack         Histogram // from a reply's last byte, or its turn, to the write to the client

	Refused map[string]int64 // commands by name, few names; nil: none

	RefusedOf Refusals // the same, by the client's library as well; nil: none

	Mirror *Mirror     // nil: there was none, ever
	Tier   *Tier       // nil: there was none, ever
	Near   *near.Tally // nil: nothing was kept of its replies, ever
	Dual   *Dual       // nil: there was none, ever

	Routed map[string]*int64 // requests to servers of other pools, by pool; nil: there are no routes
}

// Clone is a copy that shares nothing with t.
func (t *ClientTally) Clone() ClientTally {
	c := *t
	c.WriteBack, c.Refused, c.RefusedOf = t.WriteBack.Clone(), maps.Clone(t.Refused), maps.Clone(t.RefusedOf)
	c.Mirror, c.Tier, c.Dual, c.Routed = t.Mirror.clone(), t.Tier.clone(), t.Dual.clone(), nil
	c.Near = t.Near.Clone()
	for pool, n := range t.Routed { // in no order: a copy
		*c.RoutedTo(pool) = *n
	}
	return c
}

// RoutedTo is where requests to another pool are counted.
func (t *ClientTally) RoutedTo(pool string) *int64 {
	if t.Routed == nil {
		t.Routed = make(map[string]*int64)
	}
	if t.Routed[pool] == nil {
		t.Routed[pool] = new(int64)
	}
	return t.Routed[pool]
}

// Refuse counts a command of that name that was refused to a client that says it has that library; "" is none.
func (t *ClientTally) Refuse(name, library, version string) {
	if t.Refused == nil {
		t.Refused, t.RefusedOf = map[string]int64{OtherCommand: 0}, make(Refusals)
	}
	addName(t.Refused, name, 1)
	t.RefusedOf.add(refusalOf(name, library, version), 1)
}
