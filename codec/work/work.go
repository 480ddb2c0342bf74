// Package work has the kinds of work that commands are, for those who count.
package work

// Class is what kind of work a command is.
type Class uint8

// The classes.
const (
	Read Class = iota
	Write
	Other   // scripts, publish and subscribe, and what neither reads nor writes keys
	Classes // how many there are
)

// Lookup is for those who count Reads apart whose reply tells whether there was anything: an index behind the classes.
const Lookup = Classes

func (c Class) String() string { return [...]string{"read", "write", "other"}[c] }
