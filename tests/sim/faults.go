package sim

import (
	"math/rand/v2"
	"slices"
	"strconv"
)

// Faults are what a server does wrong to single replies, so many times until it is well again.
type Faults struct {
	Junk int // what can be no reply, in place of one
	Cut  int // a connection is reset behind any byte of what was to be sent

	// Sick is how many replies are not what they should be, though they look like replies: only from one that knows nothing of what
	// it should have sent can the proxy tell. See Run.sick.
	Sick int
}

// fault spoils the reply that begins at from, if it is to be.
func (c *session) fault(from int) {
	if c.Junk+c.Sick == 0 {
		return
	}
	rnd := c.sim.rnd
	if rnd.IntN(4) > 0 {
		return
	}
	if c.Junk > 0 {
		c.Junk--
		c.out = append(c.out[:from], "\x01\xff no reply\r\n"...)
		return
	}
	c.Sick--
	switch reply := c.out[from:]; rnd.IntN(5) {
	case 0:
		c.out = c.out[:from]
	case 1:
		c.out = append(c.out, slices.Clone(reply)...)
	case 2:
		c.out = append(c.out[:from], "+what it was not asked for\r\n"...)
	case 3:
		c.out = append(c.out[:from], ":42\r\n"...)
	default:
		garble(reply, rnd)
	}
}

// garble changes a byte of a reply.
func garble(reply []byte, rnd *rand.Rand) {
	if len(reply) > 0 {
		reply[rnd.IntN(len(reply))] = "0a\n$*%|>-V"[rnd.IntN(10)]
	}
}

// cut sends what is to be sent up to any byte, and then a reset.
func (c *session) cut() {
	c.Cut--
	left := c.out[c.wrote:]
	_, _ = c.conn.write(left[:c.sim.rnd.IntN(len(left)+1)])
	c.close(true)
}

// HalfClose has it send its end on all connections, and read on.
func (v *Server) HalfClose() {
	for _, c := range v.conns {
		c.half = true
		_ = c.conn.closeWrite()
	}
}

// Deafen has it read no more, and still send: to clients of RESP3 what they have not asked for.
func (v *Server) Deafen() {
	v.Stopped = true
	for _, c := range slices.Clone(v.conns) { // one may close
		if c.redis.three && len(c.out) == 0 && !c.half {
			c.push()
			c.flush()
		}
	}
}

// String tells of what is wrong with its replies.
func (f Faults) String() string {
	return strconv.Itoa(f.Junk) + " of junk, " + strconv.Itoa(f.Cut) + " cut, " + strconv.Itoa(f.Sick) + " sick"
}
