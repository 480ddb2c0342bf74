package codec

import "cashew/codec/acl"

// Client is what a protocol remembers of one client connection. The session owns it; once that is on a loop, only the loop
// touches it. A report gets a copy.
type Client struct {
	Masters bool    // it wants no replica to answer it: READWRITE, of a cluster's clients
	ID      uint64  // unique in the process, from 1
	Profile Profile // of the server connections that its commands take
	Authed  bool    // has given the pool's password, or the pool has none
	// LoginFailed is set by the protocol as it answers a login that failed, whatever it says; the session, which counts them, takes
	// it back.
	LoginFailed bool
	LoggedIn    bool   // likewise, of one that succeeded
	Moves       uint8  // the protocol's own: how it is told before it loses its connection; 0: it has not asked
	Wishes      uint8  // the protocol's own: what it wished and CLIENT LIST tells
	Bar         uint16 // the protocol's own: what refused commands would have changed
	DB          int    // the database of the server connections that its commands take; see Databases
	Addr        string // remote address as the log shows it, "10.0.0.5:1042"; "unix" for a unix socket
	LAddr       string // the address that it connected to; "unix" likewise
	Name        string // CLIENT SETNAME
	Lib         string // CLIENT SETINFO lib-name
	LibVer      string // CLIENT SETINFO lib-ver

	Trace Trace // what its commands are a part of, as it says

	Tracks  *Tracking // what its servers are to tell it of; nil: nothing
	Caching bool      // CLIENT CACHING stands for the next command; the session, which knows when that was, clears it

	User   *acl.User        // who it is, also before it has logged in; nil: its pool has no users
	Known  bool             // it is its user by its certificate, or its address, and not by a login
	Cert   *acl.Certificate // nil: it has shown none
	Denied *acl.Refusal     // what was refused to it last, and the session has not noted; nil: nothing
}

// Trace is the span that a client says its commands are a part of, by W3C's Trace Context.
type Trace struct {
	Given, Sampled bool
	Trace          [16]byte
	Span           [8]byte
}
