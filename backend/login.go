package backend

import (
	"bytes"
	"errors"
	"reflect"
	"slices"

	"cashew/codec"
	"cashew/topology"
)

// login is with what c logs in.
func (c *Conn) login() codec.Login {
	return c.pool.Login(c.pool.Entry(c.server), c.attempts)
}

// relogs says that err, of the handshake, is that the server refuses the credentials, and that some before are still to be tried: the
// handshake begins again.
func (c *Conn) relogs(err error) bool {
	var login *codec.LoginError
	if !errors.As(err, &login) {
		return false
	}
	c.attempts, c.step = login.Next, -1
	return true
}

// loggedIn notes which credentials c's server took. What is another than the last time stands in the log.
func (c *Conn) loggedIn() {
	former := c.attempts.Former > 0
	if !c.server.TookFormer(former) {
		return
	}
	if former {
		c.loop.Log.Warn("server refuses the credentials, and took those before", c.About()...)
	} else {
		c.loop.Log.Info("server takes the credentials", c.About()...)
	}
}

// sameHandshake says that a connection to s, of both pools, opens in b as in a.
func sameHandshake(a, b *topology.Pool, s *topology.Server, pr codec.Profile, db int) bool {
	steps := func(p *topology.Pool) [][]byte {
		return p.Options().Protocol.Handshake(p.Login(p.Entry(s), codec.Attempt{}), pr, db)
	}
	return reflect.DeepEqual(a.Options().ToServers, b.Options().ToServers) && slices.EqualFunc(steps(a), steps(b), bytes.Equal)
}
