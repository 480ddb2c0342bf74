package sim

import (
	"bytes"
	"slices"
	"strconv"
	"strings"
	"time"
)

// What a server of Redis 7.0 does for a proxy that keeps replies: it tells a connection of what is written to keys that were read over others, or
// that begin as it was asked to tell. It was held against the real one.

// tracking is what a connection to a server has to do with that.
type tracking struct {
	id        int64    // of the connection
	reportsTo int64    // of the one that is told of what is read over this one; 0: none is
	caching   bool     // the next command is one of which that is told
	prefixes  []string // of keys of which it is told itself
	written   []string // of those, the ones that it is to be told of at the end of this pass
}

// tracker is what a server has of all its connections.
type tracker struct {
	ids     int64              // that were given to connections since it began
	readers map[string][]int64 // over which connections a key was read, by their ids
	asked   bool               // somebody is to be told of something
	refuses bool               // it is too old
	mutes   bool               // what it tells is not on its way: the network, or a firewall
}

// tracks executes what is about that. false: the command is another.
func (c *session) tracks(x *request) bool {
	if string(x.args[0]) != "CLIENT" {
		return false
	}
	sub, rest := string(x.args[1]), x.args[2:]
	switch {
	case sub == "ID":
		c.out = append(strconv.AppendInt(append(c.out, ':'), c.id, 10), "\r\n"...)
		return true
	case c.refuses && (sub == "TRACKING" || sub == "CACHING"):
		c.out = append(c.out, "-ERR unknown subcommand '"+sub+"'. Try CLIENT HELP.\r\n"...)
		return true
	case sub == "CACHING" && c.reportsTo == 0:
		c.out = append(c.out, "-ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT mode enabled\r\n"...)
		return true
	case sub == "CACHING":
		c.caching = true
	case sub == "TRACKING" && string(rest[1]) == "BCAST":
		for i := 3; i < len(rest); i += 2 {
			c.prefixes = append(c.prefixes, string(rest[i]))
		}
	case sub == "TRACKING":
		id, _ := strconv.ParseInt(string(rest[2]), 10, 64)
		if c.connection(id) == nil {
			c.out = append(c.out, "-ERR The client ID you want redirect to does not exist\r\n"...)
			return true
		}
		c.reportsTo = id
	default:
		return false
	}
	c.asked = true
	c.out = append(c.out, "+OK\r\n"...)
	return true
}

// connection is that with an id; nil: it has ended.
func (v *Server) connection(id int64) *session {
	for _, c := range v.conns {
		if c.id == id {
			return c
		}
	}
	return nil
}

// remembers takes note of what a command behind CLIENT CACHING YES has read, before another is executed.
func (c *session) remembers(x *request) {
	if !c.caching || string(x.args[0]) == "CLIENT" {
		return
	}
	if c.caching = false; c.Loading || c.member != nil && c.elsewhere(c.keysOf(x), false) != "" {
		return
	}
	row := rowOf(x.args)
	if row == nil || row.writes() {
		panic("sim: the proxy sent CLIENT CACHING YES, and then " + strconv.Quote(string(bytes.Join(x.args, []byte{' '}))))
	}
	key := string(x.args[1])
	if !slices.Contains(c.readers[key], c.id) {
		c.readers[key] = append(c.readers[key], c.id)
	}
}

// onlyRead are those of the commands that the model carries out which change nothing.
const onlyRead = " get strlen mget exists touch type hget hgetall hmget hlen hexists llen lrange sismember scard smembers zscore zcard pttl "

// writes says that a command may change what is stored.
func (r *row) writes() bool {
	return r.do != nil && !strings.Contains(onlyRead, " "+r.name+" ") || r.script
}

// changed has those told who are to be told of what a command has changed.
func (c *session) changed(x *request) {
	if row := rowOf(x.args); string(x.args[0]) != "MOVE" && (row == nil || !row.writes()) {
		return
	}
	for _, key := range x.args[1:] {
		c.changedKey(string(key))
	}
}

// changedKey does so for a key. Over whose connection it was read is forgotten; who has ended since is told nothing any more.
func (v *Server) changedKey(key string) {
	if !v.asked {
		return
	}
	if ids := v.readers[key]; len(ids) > 0 {
		delete(v.readers, key)
		for _, id := range ids {
			if reader := v.connection(id); reader != nil && reader.reportsTo != 0 {
				reader.tellsOf(invalidation(key))
			}
		}
	}
	for _, c := range v.conns {
		if slices.ContainsFunc(c.prefixes, func(p string) bool { return strings.HasPrefix(key, p) }) && !slices.Contains(c.written, key) {
			c.written = append(c.written, key)
		}
	}
}

// tellsOf sends a push to the connection that is told of what is read over c.
func (c *session) tellsOf(push string) {
	to := c.connection(c.reportsTo)
	switch {
	case to != nil && to.redis.three:
		to.out = append(to.out, push...)
		to.flush()
	case to == nil && c.redis.three:
		c.out = append(c.out, ">2\r\n$21\r\ntracking-redir-broken\r\n"...)
		c.out = append(strconv.AppendInt(append(c.out, ':'), c.reportsTo, 10), "\r\n"...)
		c.flush()
	}
}

// invalidation is the push that tells of keys.
func invalidation(keys ...string) string {
	return ">2\r\n$10\r\ninvalidate\r\n" + string(appendArray(nil, keys))
}

// broadcast ends a pass: who is told of keys by how they begin is told of all that were written in it.
func (v *Server) broadcast() {
	for _, c := range slices.Clone(v.conns) { // one may close
		if len(c.written) > 0 {
			c.out = append(c.out, invalidation(c.written...)...)
			c.written = nil
			c.flush()
		}
	}
}

// forgetReads has all who are told of anything be told that nothing is as it was.
func (v *Server) forgetReads() {
	clear(v.readers)
	const all = ">2\r\n$10\r\ninvalidate\r\n$-1\r\n"
	for _, c := range slices.Clone(v.conns) {
		switch {
		case c.reportsTo != 0:
			c.tellsOf(all)
		case len(c.prefixes) > 0:
			c.out = append(c.out, all...)
			c.flush()
		}
	}
}

// isTold says that others read, and c is told.
func (c *session) isTold() bool {
	return len(c.prefixes) > 0 || slices.ContainsFunc(c.conns, func(d *session) bool { return d.reportsTo == c.id })
}

// fades deletes the key of a command if its time is over, which is when a server of Redis finds out, or as it looks through all of them.
func (c *session) fades(x *request) {
	if len(x.args) < 2 {
		return
	}
	name := string(x.args[1])
	if v := x.db[name]; v.until != 0 && v.until <= x.now {
		delete(x.db, name)
		c.changedKey(name)
	}
}

// pttl is PTTL.
func (x *request) pttl() {
	switch v := x.db[string(x.args[1])]; {
	case v.kind == 0:
		x.int(-2)
	case v.until != 0:
		x.int(int((v.until - x.now) / int64(time.Millisecond)))
	default:
		x.int(-1)
	}
}
