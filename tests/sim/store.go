package sim

import (
	"bytes"
	"slices"
	"strconv"
)

// db is what a server stores. A client has one for each of its groups of keys: what the server must have of them.
type db map[string]value

// value is what a key has.
type value struct {
	kind  byte   // one of the kinds below; 0: there is none
	p     string // of a string
	items []item // of anything else, in the order in which they came
	flags string // of memcached
	cas   uint64 // of memcached: so many times it was written
	until int64  // it is gone from then on, as Sim.now; 0: never
}

const (
	aString = 's'
	aHash   = 'h'
	aList   = 'l'
	aSet    = 'e'
	aZset   = 'z'
)

// item is a field and its value, an element, a member, or a member and its score.
type item struct{ name, p string }

func (v *value) find(name []byte) int {
	for i := range v.items {
		if v.items[i].name == string(name) {
			return i
		}
	}
	return -1
}

// request is one command of Redis, carried out on a db: its reply is appended to out. Whoever has the same db, command and version of
// the protocol gets the same bytes: the server, and the client that checks what it got.
type request struct {
	db
	args  [][]byte
	three bool // RESP3
	now   int64
	out   []byte
}

// do carries the command out.
func (x *request) do() {
	switch string(x.args[0]) { // in capitals, as clients send most of them
	case "GET":
		x.get()
		return
	case "SET":
		x.set()
		return
	}
	row := rowOf(x.args)
	switch {
	case row == nil:
		panic("sim: the proxy sent " + strconv.Quote(string(bytes.Join(x.args, []byte{' '}))))
	case row.do != nil:
		row.do(x)
	default:
		x.other(row)
	}
}

// modelled are the commands that read or change what is stored. All others are answered by other, and change nothing.
var modelled = map[string]func(*request){
	"get": (*request).get, "set": (*request).set, "setex": (*request).setex, "psetex": (*request).setex, "setnx": (*request).setnx,
	"getset": (*request).getset, "getdel": (*request).getdel, "append": (*request).append, "strlen": (*request).strlen,
	"incr": (*request).incr, "decr": (*request).incr, "incrby": (*request).incr, "decrby": (*request).incr,
	"mget": (*request).mget, "mset": (*request).mset, "del": (*request).count, "unlink": (*request).count, "exists": (*request).count,
	"touch": (*request).count, "type": (*request).kindOf,
	"hset": (*request).hset, "hget": (*request).hget, "hdel": (*request).remove, "hgetall": (*request).hgetall, "hmget": (*request).hmget,
	"hlen": (*request).size, "hexists": (*request).has,
	"rpush": (*request).push, "lpush": (*request).push, "rpop": (*request).pop, "lpop": (*request).pop, "llen": (*request).size, "lrange": (*request).lrange,
	"sadd": (*request).sadd, "sismember": (*request).has, "scard": (*request).size, "smembers": (*request).smembers, "srem": (*request).remove,
	"zadd": (*request).zadd, "zscore": (*request).zscore, "zcard": (*request).size, "zrem": (*request).remove,
	"pttl": (*request).pttl,
	"eval": (*request).eval, "eval_ro": (*request).eval,
}

// kinds are those of the keys that commands are for, by their first letter; commands of strings and of lists are told apart by name.
func kindFor(name []byte) byte {
	switch name[0] | 0x20 {
	case 'h':
		return aHash
	case 's':
		return aSet
	case 'z':
		return aZset
	}
	return aList
}

// of is the value of the first key, which must be of a kind; false: it is not, and that is the reply.
func (x *request) of(kind byte) (value, bool) {
	v := x.db[string(x.args[1])]
	if v.kind != 0 && v.kind != kind {
		x.fail("WRONGTYPE Operation against a key holding the wrong kind of value, model ")
		return v, false
	}
	return v, true
}

// fail answers with an error that tells the command by its hash.
func (x *request) fail(text string) {
	x.out = append(append(x.out, '-'), text...)
	x.out = strconv.AppendUint(x.out, uint64(hashOf(x.args)), 16)
	x.out = append(x.out, "\r\n"...)
}

// keep stores v for the first key; one without items is none.
func (x *request) keep(v value) {
	if v.kind != aString && len(v.items) == 0 {
		delete(x.db, string(x.args[1]))
		return
	}
	x.db[string(x.args[1])] = v
}

func (x *request) get() {
	if len(x.args) != 2 {
		x.out = append(x.out, "-ERR wrong number of arguments for 'get' command\r\n"...)
		return
	}
	if v, ok := x.of(aString); ok {
		x.value(v)
	}
}

// set is SET key value [NX].
func (x *request) set() {
	if len(x.args) > 3 && x.db[string(x.args[1])].kind != 0 {
		x.null()
		return
	}
	x.keep(value{kind: aString, p: string(x.args[2])})
	x.ok()
}

func (x *request) setex() {
	x.keep(value{kind: aString, p: string(x.args[3])})
	x.ok()
}

func (x *request) setnx() {
	if x.db[string(x.args[1])].kind != 0 {
		x.int(0)
		return
	}
	x.keep(value{kind: aString, p: string(x.args[2])})
	x.int(1)
}

func (x *request) getset() {
	if v, ok := x.of(aString); ok {
		x.value(v)
		x.keep(value{kind: aString, p: string(x.args[2])})
	}
}

func (x *request) getdel() {
	if v, ok := x.of(aString); ok {
		x.value(v)
		delete(x.db, string(x.args[1]))
	}
}

func (x *request) append() {
	if v, ok := x.of(aString); ok {
		v.kind, v.p = aString, v.p+string(x.args[2])
		x.keep(v)
		x.int(len(v.p))
	}
}

func (x *request) strlen() {
	if v, ok := x.of(aString); ok {
		x.int(len(v.p))
	}
}

// incr is INCR, DECR, INCRBY and DECRBY.
func (x *request) incr() {
	v, ok := x.of(aString)
	if !ok {
		return
	}
	n, err := strconv.Atoi(v.p)
	if err != nil && v.kind != 0 {
		x.fail("ERR value is not an integer or out of range, model ")
		return
	}
	by := 1
	if len(x.args) > 2 {
		by, _ = strconv.Atoi(string(x.args[2]))
	}
	if x.args[0][0]|0x20 == 'd' {
		by = -by
	}
	x.keep(value{kind: aString, p: strconv.Itoa(n + by)})
	x.int(n + by)
}

func (x *request) mget() {
	x.header('*', len(x.args)-1)
	for _, k := range x.args[1:] {
		if v := x.db[string(k)]; v.kind == aString {
			x.bulk(v.p)
		} else {
			x.null()
		}
	}
}

func (x *request) mset() {
	for i := 1; i+1 < len(x.args); i += 2 {
		x.db[string(x.args[i])] = value{kind: aString, p: string(x.args[i+1])}
	}
	x.ok()
}

// count is DEL, UNLINK, EXISTS and TOUCH.
func (x *request) count() {
	n := 0
	deletes := x.args[0][0]|0x20 == 'd' || x.args[0][0]|0x20 == 'u'
	for _, k := range x.args[1:] {
		if x.db[string(k)].kind != 0 {
			n++
		}
		if deletes {
			delete(x.db, string(k))
		}
	}
	x.int(n)
}

func (x *request) kindOf() {
	name := "none"
	switch x.db[string(x.args[1])].kind {
	case aString:
		name = "string"
	case aHash:
		name = "hash"
	case aList:
		name = "list"
	case aSet:
		name = "set"
	case aZset:
		name = "zset"
	}
	x.out = append(append(append(x.out, '+'), name...), "\r\n"...)
}

func (x *request) hset() {
	v, ok := x.of(aHash)
	if !ok {
		return
	}
	v.kind = aHash
	n := 0
	for i := 2; i+1 < len(x.args); i += 2 {
		if at := v.find(x.args[i]); at >= 0 {
			v.items[at].p = string(x.args[i+1])
			continue
		}
		v.items = append(v.items, item{string(x.args[i]), string(x.args[i+1])})
		n++
	}
	x.keep(v)
	x.int(n)
}

func (x *request) hget() {
	if v, ok := x.of(aHash); ok {
		x.itemValue(&v, x.args[2])
	}
}

// itemValue answers with the value of a field, or with nothing.
func (x *request) itemValue(v *value, name []byte) {
	if i := v.find(name); i >= 0 {
		x.bulk(v.items[i].p)
		return
	}
	x.null()
}

func (x *request) hmget() {
	v, ok := x.of(aHash)
	if !ok {
		return
	}
	x.header('*', len(x.args)-2)
	for _, name := range x.args[2:] {
		x.itemValue(&v, name)
	}
}

func (x *request) hgetall() {
	v, ok := x.of(aHash)
	if !ok {
		return
	}
	if x.three {
		x.header('%', len(v.items))
	} else {
		x.header('*', 2*len(v.items))
	}
	for i := range v.items {
		x.bulk(v.items[i].name)
		x.bulk(v.items[i].p)
	}
}

// size is LLEN, HLEN, SCARD and ZCARD.
func (x *request) size() {
	if v, ok := x.of(kindFor(x.args[0])); ok {
		x.int(len(v.items))
	}
}

// has is HEXISTS and SISMEMBER.
func (x *request) has() {
	if v, ok := x.of(kindFor(x.args[0])); ok {
		x.int(min(v.find(x.args[2])+1, 1))
	}
}

// remove is HDEL, SREM and ZREM.
func (x *request) remove() {
	v, ok := x.of(kindFor(x.args[0]))
	if !ok {
		return
	}
	n := 0
	for _, name := range x.args[2:] {
		if i := v.find(name); i >= 0 {
			v.items = slices.Delete(v.items, i, i+1)
			n++
		}
	}
	x.keep(v)
	x.int(n)
}

// push is RPUSH and LPUSH.
func (x *request) push() {
	v, ok := x.of(aList)
	if !ok {
		return
	}
	v.kind = aList
	for _, e := range x.args[2:] {
		if x.args[0][0]|0x20 == 'l' {
			v.items = slices.Insert(v.items, 0, item{name: string(e)})
		} else {
			v.items = append(v.items, item{name: string(e)})
		}
	}
	x.keep(v)
	x.int(len(v.items))
}

// pop is RPOP and LPOP.
func (x *request) pop() {
	v, ok := x.of(aList)
	switch {
	case !ok:
		return
	case len(v.items) == 0:
		x.null()
		return
	}
	at := 0
	if x.args[0][0]|0x20 == 'r' {
		at = len(v.items) - 1
	}
	x.bulk(v.items[at].name)
	v.items = slices.Delete(v.items, at, at+1)
	x.keep(v)
}
