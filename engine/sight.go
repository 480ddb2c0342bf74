package engine

import "fmt"

// Place says where a key goes and why.
type Place struct {
	Pool         string `json:"pool"`
	Key          string `json:"key"`
	Hashed       string `json:"hashed"` // the part of the key that is hashed
	Hash         uint32 `json:"hash"`
	HashName     string `json:"hash_name"`
	Distribution string `json:"distribution"`
	Point        uint32 `json:"point"`  // of the continuum; see ring.Ring.Points
	Server       string `json:"server"` // as configured; "": none is live
	Name         string `json:"name"`   // in the ring
	Addr         string `json:"addr"`
	Reason       string `json:"reason"`          // in words
	Reads        string `json:"reads,omitempty"` // where reads go, in words; "": to the server, as writes do

	RoutedTo string `json:"routed_to,omitempty"` // the pool that the server is of, where a route leads there
}

// What each answer of the admin pages says of who gives it, so that of several proxies on a host none is taken for another.
const (
	ProcessHeader = "Cashew-Process" // the pid
	FileHeader    = "Cashew-File"    // the configuration file, as configs.FileID has it; none: there is no file
)

// Changes says what a reload did, for people.
type Changes struct {
	Added     []string `json:"added"` // pools, as are the next three
	Removed   []string `json:"removed"`
	Changed   []string `json:"changed"`
	Unchanged []string `json:"unchanged"`
	Notes     []string `json:"notes"` // in detail, and what needs a restart
}

func (c Changes) String() string {
	return fmt.Sprintf("pools added %q, removed %q, changed %q, unchanged %d", c.Added, c.Removed, c.Changed, len(c.Unchanged))
}
