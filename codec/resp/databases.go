package resp

import (
	"bytes"
	"math"
	"strconv"

	"cashew/codec"
)

// A pool serves one database of its servers, redis_db, or with the key databases so many, from 0 on. SELECT then changes which server
// connections the client's commands take, as HELLO does; what names other databases is let through where those are served:
//
//	MOVE key db          to the server of the key
//	COPY a b DB db       to the server of the keys
//	SWAPDB db db         to all servers, which all must have done it
//
// A number that is past what the pool serves is answered as a server with so many databases would. What is no number has no effect
// at a server, and is the server's to refuse, in its own words, but for that of SELECT, which no server gets from a client.
//
// A Redis Cluster has database 0 alone: SELECT of another is refused as by its servers, and changes nothing, and MOVE, COPY and SWAPDB
// its servers refuse themselves.
//
// Source: redis 7.0 db.c, selectCommand, moveCommand, copyCommand, swapdbCommand; object.c, getIntFromObjectOrReply.

const (
	errDBRange   = "-ERR DB index is out of range\r\n"
	errDBInteger = "-ERR value is not an integer or out of range\r\n"
	errDBCluster = "-ERR SELECT is not allowed in cluster mode\r\n"
	errDBInt     = "-ERR value is out of range, value must between -2147483648 and 2147483647\r\n"
)

var (
	opMove   = mustOp("move")
	opCopy   = mustOp("copy")
	opSwapDB = mustOp("swapdb")

	opFlushAll = mustOp("flushall")
)

// Home implements codec.Databases.
func (p *Protocol) Home() int { return p.db }

// Databases implements codec.Databases.
func (p *Protocol) Databases() int { return p.databases }

// selects says that clients may choose their database.
func (p *Protocol) selects() bool { return p.databases > 0 }

// Serves implements codec.Databases.
func (p *Protocol) Serves(db int) bool {
	if p.selects() {
		return db >= 0 && db < p.databases
	}
	return db == p.db
}

// database is the database that an argument names; why it is none that is served is an error reply.
func (p *Protocol) database(arg []byte) (db int, why string) {
	n, ok := parseInt(arg)
	switch {
	case !ok:
		return 0, errDBInteger
	case n < math.MinInt32, n > math.MaxInt32:
		return 0, errDBInt
	case !p.Serves(int(n)):
		return 0, errDBRange
	}
	return int(n), ""
}

// appendSelect is SELECT. Where there is but one database, another bars what follows; what is no database changes nothing.
func (p *Protocol) appendSelect(dst []byte, cl *codec.Client, arg []byte) []byte {
	db, why := p.database(arg)
	switch {
	case why == "":
		cl.DB, cl.Bar = db, uint16(gate(cl.Bar)&^barSelect)
		return append(dst, replyOK...)
	case p.cluster && why == errDBRange:
		return append(dst, errDBCluster...)
	case p.selects(), p.cluster, why == errDBInteger:
		return append(dst, why...)
	case arg[0] != '-':
		cl.Bar = uint16(gate(cl.Bar) | barSelect)
	}
	return p.appendOnlyDB(append(dst, "-ERR DB index is out of range"...))
}

// appendOnlyDB ends an error that is about databases.
func (p *Protocol) appendOnlyDB(dst []byte) []byte {
	if dst = append(dst, ": this pool serves database"...); p.selects() {
		dst = append(dst, "s 0 to "...)
		dst = strconv.AppendInt(dst, int64(p.databases)-1, 10)
		return append(dst, crlf...)
	}
	dst = append(dst, ' ')
	dst = strconv.AppendInt(dst, int64(p.db), 10)
	return append(dst, " only\r\n"...)
}

// appendBarred says why a command behind a SELECT is refused.
func (p *Protocol) appendBarred(dst []byte, cl *codec.Client) []byte {
	if p.Serves(cl.DB) {
		return p.appendOnlyDB(append(dst, "-ERR an earlier SELECT was refused"...))
	}
	dst = append(dst, "-ERR database "...)
	dst = strconv.AppendInt(dst, int64(cl.DB), 10)
	return p.appendOnlyDB(append(dst, ", which was selected, is not served any more"...))
}

// Evict implements codec.Databases.
func (*Protocol) Evict(cl *codec.Client) {
	spoil(cl)
	cl.Bar |= uint16(barSelect)
}

// AppendSelect implements codec.Databases.
func (*Protocol) AppendSelect(dst []byte, db int) []byte {
	dst = append(dst, "*2\r\n$6\r\nSELECT\r\n"...)
	return appendBulk(dst, strconv.AppendInt(nil, int64(db), 10))
}

// lacksDB tells of a server's reply to SELECT whether it is about the database, and not about the moment, or the connection.
func lacksDB(reply []byte) bool {
	return len(reply) > 0 && reply[0] == '-' && !passing(reply) && !bytes.HasPrefix(reply, []byte("-NOAUTH "))
}

// holdSelect is hold for SELECT: the proxy answers it, unless it changes the database.
func (p *Protocol) holdSelect(cmd *codec.Command) {
	args := argsOf(cmd.Frame)
	args.next()
	if _, why := p.database(args.next()); why != "" && why != errDBInteger && !p.selects() && !p.cluster {
		refuse(cmd, refuseOtherDB)
		return
	}
	cmd.Kind, cmd.Own = codec.Queue, true
}

// Selected implements codec.Databases.
func (*Protocol) Selected(reply []byte, i int) bool {
	reply = withoutAttributes(reply)
	n, pos := arrayAt(reply)
	if pos <= 0 || i >= n {
		return false // nothing was executed
	}
	for range i {
		if pos = elementEnd(reply, pos); pos == 0 {
			return false
		}
	}
	return bytes.HasPrefix(reply[pos:], []byte(replyOK))
}

// move fills cmd for MOVE key db.
func (p *Protocol) move(cmd *codec.Command, c *command, keys []codec.Key) {
	args := argsOf(cmd.Frame)
	args.next()
	args.next()
	switch _, why := p.database(args.next()); {
	case p.cluster:
		route(cmd, c, keys)
	case !p.selects():
		refuse(cmd, refuseOtherDB)
	case why == errDBRange:
		cmd.Kind = codec.Local
	default:
		route(cmd, c, keys)
	}
}

// copiesAway tells of a COPY source destination [DB n] [REPLACE] whether it names a database that is not served, and then says what
// becomes of it. Options are read from the left, as by the server, which is left to refuse what it would refuse first.
func (p *Protocol) copiesAway(cmd *codec.Command) bool {
	if p.cluster {
		return false
	}
	args := argsOf(cmd.Frame)
	for range 3 {
		args.next()
	}
	for args.left > 1 {
		option := args.next()
		switch {
		case equalFold(option, "db"):
		case p.selects() && !equalFold(option, "replace"):
			return false
		default:
			continue
		}
		switch _, why := p.database(args.next()); {
		case why == "":
		case p.selects() && why != errDBRange:
			return false
		case p.selects():
			cmd.Kind = codec.Local
			return true
		case why != errDBInteger:
			refuse(cmd, refuseOtherDB)
			return true
		}
	}
	return false
}

// strays says that a command would reach another database than db, in which its client is to stay: what it does there its user may not do here.
func (p *Protocol) strays(db int, cmd *codec.Command) bool {
	args := argsOf(cmd.Frame)
	args.next()
	other := func(arg []byte) bool {
		n, why := p.database(arg)
		return why != "" || n != db
	}
	switch cmd.Op {
	case opFlushAll:
		return p.selects()
	case opSwapDB:
		first := other(args.next())
		return other(args.next()) || first
	case opMove:
		args.next()
		return other(args.next())
	case opCopy:
		for args.next(); args.left > 0; {
			if equalFold(args.next(), "db") && other(args.next()) {
				return true
			}
		}
	}
	return false
}

// swap fills cmd for SWAPDB db db.
func (p *Protocol) swap(cmd *codec.Command) {
	args := argsOf(cmd.Frame)
	args.next()
	past := 0
	cmd.Kind = codec.Fanout
	for range 2 {
		switch _, why := p.database(args.next()); why {
		case "":
		case errDBRange:
			past++
		default:
			past = -2 // whatever the other is
		}
	}
	switch {
	case p.cluster:
		cmd.Kind, cmd.Key = codec.Anywhere, placeholder
	case !p.selects():
		refuse(cmd, refuseOtherDB)
	case past > 0:
		cmd.Kind = codec.Local
	}
}
