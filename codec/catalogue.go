package codec

import "cashew/codec/work"

// Catalogue is what a protocol has, by name, for those who count and show it: sessions and server connections on their loops,
// and on any other goroutine a reload, a scrape, the slow log's reader. All of it is as fixed as the program; slices that are
// returned are shared and read-only.
type Catalogue interface {
	// Name is "redis" or "memcached".
	Name() string

	// Profiles are the names of the profiles, MaxProfiles at most, as figures show them: "resp2", "resp3".
	Profiles() []string

	// Ops is how many Ops there are: those that ParseCommand gives are below it.
	Ops() int

	// Describe names the command of an Op in lower case, "" if it is none, and says what kind of work it is.
	Describe(op uint16) (name string, class work.Class)

	// Nothing is the whole reply, 5 bytes at most, by which a server says to a client of that profile that it does not have the key of a
	// command of Op op, of none of whose keys if it has several; "": no reply says that and nothing else.
	Nothing(pr Profile, op uint16) string

	// CommandName names cmd in lower case, also one that is unknown, and is then cut where names end. "": what was sent
	// there is no name, or may be what a client meant for another place, such as a part of a value.
	CommandName(cmd *Command) string
}

// Profile is a way to speak with a server that a connection chooses as it opens, and keeps: 0 is the protocol's plain one
// (RESP2, memcached's text), further ones are the protocol's own (RESP3). Each client has one; its commands travel on
// connections of that profile, and replies come back as they are.
type Profile uint8

// MaxProfiles is how many a protocol may have.
const MaxProfiles = 2
