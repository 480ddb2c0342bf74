package stats

import "cashew/codec/work"

// Origin is where a key that is kept was seen: a pool, with the servers that it had then. A kept key outlives the settings of
// its pool, so it does not point to those.
type Origin struct {
	Pool     string
	Servers  []string                                        // as configured, by number
	Describe func(op uint16) (name string, class work.Class) // of the pool's protocol
}

// Server is server i as configured, "" for none.
func (o *Origin) Server(i int) string {
	if i < 0 || i >= len(o.Servers) {
		return ""
	}
	return o.Servers[i]
}

// MaxShownKey is how many bytes of a key are kept.
const MaxShownKey = 64
