package session

// A write without a reply (memcached's noreply) is done at some time, and nobody says when. So what asks nothing is sent behind it, over the same
// connection: once that is answered the write is done, and counted.
//
//	client --set k 0 0 1 noreply--> server connection --set k 0 0 1 noreply, mn--> server
//	                                                  <------------------------MN--
//
// Until then its client is given nothing that is kept. Where a connection ends before, the write must have been done after silentFor.

import "cashew/backend"

// proof is the Owner of what is sent behind such a write.
type proof struct {
	n    *nearby
	s    *Session
	slot uint32
}

// prove has the server say when what s has sent over c, and keys of slot, is done.
func (n *nearby) prove(s *Session, c *backend.Conn, slot uint32) {
	p := new(proof)
	if i := len(n.proofs); i > 0 {
		p, n.proofs = n.proofs[i-1], n.proofs[:i-1]
	}
	*p = proof{n, s, slot}
	s.unproved++
	n.words = s.pool.Protocol.AppendNothing(n.words[:0], s.cl.Profile)
	c.Insert(p, n.words)
}

// Replied implements backend.Owner.
func (p *proof) Replied(_ *backend.Request, _ []byte, last bool) {
	if last {
		p.n.cache.Wrote(p.slot)
		p.end()
	}
}

// Failed implements backend.Owner.
func (p *proof) Failed(*backend.Request, error) {
	p.n.silent.Add(p.slot)
	p.s.silentTill = max(p.s.silentTill, p.s.loop.Now+silentFor+silentLate)
	p.end()
}

func (p *proof) end() {
	p.s.unproved--
	n := p.n
	*p = proof{}
	if len(n.proofs) < maxCopies {
		n.proofs = append(n.proofs, p)
	}
}
