package backend

import (
	"slices"

	"cashew/codec"
	"cashew/codec/work"
)

// Reads says that commands of Op op only read.
func (g *Group) Reads(op uint16) bool { return g.classes[op] == work.Read }

// Writes says that commands of Op op write keys.
func (g *Group) Writes(op uint16) bool { return g.classes[op] == work.Write }

// lookups say, by Op, how replies of a profile are counted.
type lookups struct {
	classes []work.Class // work.Lookup for commands whose reply may say that there is nothing
	nothing []string     // the reply that does; "": none
}

func lookupsOf(p codec.Protocol, pr codec.Profile, classes []work.Class) lookups {
	l := lookups{slices.Clone(classes), make([]string, len(classes))}
	for op, class := range classes {
		if l.nothing[op] = p.Nothing(pr, uint16(op)); l.nothing[op] != "" && class == work.Read {
			l.classes[op] = work.Lookup
		}
	}
	return l
}

// maxNothing is how long such a reply is at most; see codec.Catalogue.
const maxNothing = 5

// found counts a short reply that says that there is nothing, and is whole. The last piece of a longer one never reads as one does.
func (c *Conn) found(r *Request, reply []byte) {
	if c.inside == between && c.classes[r.Op] == work.Lookup && !r.ours && c.blocks == 0 && string(reply) == c.group.lookups[c.profile].nothing[r.Op] {
		c.figures.Misses++
	}
}
