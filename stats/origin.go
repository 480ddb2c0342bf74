package stats

import "cashew/codec/work"

// Origin is where a key that is kept was seen: a pool, with the servers that it had then. A kept key outlives the settings of
// its pool, so it does not point to those.
type Origin struct {
	Pool     string
	Servers  []string                                        // their names in the ring, by number
	Addrs    []string                                        // of the same; "": nobody knew
	Describe func(op uint16) (name string, class work.Class) // of the pool's protocol
}

// Add adds a server.
func (o *Origin) Add(name, addr string) {
	o.Servers, o.Addrs = append(o.Servers, name), append(o.Addrs, addr)
}

// Server is the name of server i, "" for none.
func (o *Origin) Server(i int) string { return at(o.Servers, i) }

// Addr is the address of server i, "" for none.
func (o *Origin) Addr(i int) string { return at(o.Addrs, i) }

func at(list []string, i int) string {
	if i < 0 || i >= len(list) {
		return ""
	}
	return list[i]
}

// MaxShownKey is how many bytes of a key are kept.
const MaxShownKey = 64
