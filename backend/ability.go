package backend

import (
	"errors"

	"cashew/codec"
)

// unableError is why requests of a profile, or to a database, fail at a server that has refused it.
type unableError struct {
	server  string
	refusal *codec.RefusalError
}

func (e *unableError) Error() string {
	return "backend: server " + e.server + " " + e.refusal.Lacks() + ", which the client chose: " + e.refusal.Text()
}

func (e *unableError) Unwrap() error { return e.refusal }

// Unable tells whether err says that a server is well but has not the profile, or the database, that it was asked for.
func Unable(err error) bool {
	var r *codec.RefusalError
	return errors.As(err, &r)
}

// mastered notes that c's server speaks c's profile, and has its database.
func (c *Conn) mastered() {
	if c.profile != 0 {
		c.server.Learn(c.profile, nil)
	}
	if c.db != c.pool.Options().Protocol.Home() {
		c.server.LearnDatabase(c.db, nil)
	}
}

// unable notes that c's server refused c's profile, or its database. It stands in the log once, until the server changes its mind.
func (c *Conn) unable(refusal *codec.RefusalError) error {
	news, text := false, "server does not speak what a client asked for"
	if refusal.Profile != "" {
		news = c.server.Learn(c.profile, refusal)
	} else {
		news, text = c.server.LearnDatabase(c.db, refusal), "server does not have the database that a client asked for"
	}
	if news {
		c.loop.Log.Warn(text, append(c.About(), "err", refusal)...)
	}
	return &unableError{server: c.name(), refusal: refusal}
}

// remarked says that err, of the handshake, fails nothing. It stands in the log once for each server.
func (c *Conn) remarked(err error) bool {
	var remark *codec.RemarkError
	if !errors.As(err, &remark) {
		return false
	}
	c.figures.Remarks++
	if c.server.Remark() {
		c.loop.Log.Warn("server connection opened, with a remark", append(c.About(), "remark", remark.Text)...)
	}
	return true
}

// handshakeFailed is the error for what c's server answered to the handshake.
func (c *Conn) handshakeFailed(err error) error {
	var r *codec.RefusalError
	if errors.As(err, &r) {
		return c.unable(r)
	}
	return &handshakeError{err}
}

// Speaks says whether the pool's live servers speak a profile: all of them that can be reached do, and there is one. If
// not, refusal is the reply of one that does not, or err says why none can be reached.
//
// A server is believed as long as a connection of the profile is open. What is not known has to be asked for, which takes
// time: then wait is true, w is told once more is known, and the caller asks again. last: what is unknown now does not
// count, and wait is false.
func (g *Group) Speaks(pr codec.Profile, client uint64, w Waiter, last bool) (refusal []byte, wait bool, err error) {
	if pr == 0 {
		return nil, false, nil
	}
	return g.Set(pr, g.pool.Options().Protocol.Home()).able(false, client, w, last)
}

// Has is Speaks for a database, as clients of a profile have it.
func (g *Group) Has(pr codec.Profile, db int, client uint64, w Waiter, last bool) (refusal []byte, wait bool, err error) {
	if db == g.pool.Options().Protocol.Home() {
		return nil, false, nil
	}
	return g.Set(pr, db).able(true, client, w, last)
}

// able is Speaks for the profile of s, or for its database.
func (s *Set) able(database bool, client uint64, w Waiter, last bool) (refusal []byte, wait bool, err error) {
	g, able := s.group, 0
	var failed error
	for _, server := range g.pool.Servers() {
		if server.Down() {
			continue
		}
		can, known := server.Ability(s.profile)
		if database {
			can, known = server.Database(s.db)
		}
		if known != nil {
			return known.Reply, false, nil
		}
		c, err := s.Conn(server, client)
		var r *codec.RefusalError
		switch {
		case err == nil && c.state == open:
			able++
		case errors.As(err, &r) && (r.Profile == "") == database:
			return r.Reply, false, nil
		case err == nil && !last && g.loop.Now-c.dialledAt < int64(g.pool.AskPatience()):
			if !wait {
				c.waiters, wait = append(c.waiters, w), true
			}
		case can: // it could when it was last asked, and can't be now
			able++
		case err == nil:
			failed = ErrTimeout
		default:
			failed = err
		}
	}
	switch {
	case wait:
		return nil, true, nil
	case able > 0:
		return nil, false, nil
	case failed == nil:
		failed = ErrEjected
	}
	return nil, false, failed
}
