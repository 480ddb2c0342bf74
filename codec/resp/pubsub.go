package resp

import (
	"bytes"

	"cashew/codec"
	"cashew/codec/acl"
)

// Publish and subscribe. Servers are asked on connections of RESP2 for all clients: what such a connection has once it is subscribed to
// something are arrays that differ from RESP3's pushes in their first byte alone, and servers before 6.0 know nothing else.
//
//	server  *3 $7 message $1 a $5 hello   -->  RESP2  *3 $7 message $1 a $5 hello
//	                                           RESP3  >3 $7 message $1 a $5 hello
//
// Source: redis 7.0 pubsub.c.

// The sorts of subscriptions.
const (
	channels = iota
	patterns
	shards
	sorts
)

// sortWords are what stands in confirmations and messages of each sort.
var sortWords = [sorts]struct{ begins, ends, message string }{
	{"subscribe", "unsubscribe", "message"},
	{"psubscribe", "punsubscribe", "pmessage"},
	{"ssubscribe", "sunsubscribe", "smessage"},
}

func sortWord(sort int, begins bool) string {
	if begins {
		return sortWords[sort].begins
	}
	return sortWords[sort].ends
}

var (
	opPublish       = mustOp("publish")
	opSPublish      = mustOp("spublish")
	opChannels      = mustSub("pubsub", "channels")
	opShardChannels = mustSub("pubsub", "shardchannels")
	opNumSub        = mustSub("pubsub", "numsub")
	opShardNumSub   = mustSub("pubsub", "shardnumsub")
	opNumPat        = mustSub("pubsub", "numpat")
	opPubSubHelp    = mustSub("pubsub", "help")
)

// sortOf is which command is about which sort, and whether it begins.
var sortOf = func() map[uint16]subscribing {
	list := make(map[uint16]subscribing)
	for sort, w := range sortWords {
		list[mustOp(w.begins)], list[mustOp(w.ends)] = subscribing{sort, true}, subscribing{sort, false}
	}
	return list
}()

type subscribing struct {
	sort   int
	begins bool
}

// Sorts implements codec.PubSub.
func (*Protocol) Sorts() int { return sorts }

// Subscribes implements codec.PubSub.
func (*Protocol) Subscribes(cmd *codec.Command) (sort int, begins bool) {
	s := sortOf[cmd.Op]
	return s.sort, s.begins
}

// Everywhere implements codec.PubSub. Each server tells of what happens to its own keys. What clients publish in a cluster each of its servers
// tells, so that a pattern stands at one of them.
func (p *Protocol) Everywhere(sort int, name []byte) bool {
	switch sort {
	case channels:
		return bytes.HasPrefix(name, []byte("__keyspace@")) || bytes.HasPrefix(name, []byte("__keyevent@"))
	case patterns:
		return !p.cluster || bytes.HasPrefix(name, []byte("__key"))
	}
	return false
}

// AppendSubscribe implements codec.PubSub.
func (*Protocol) AppendSubscribe(dst []byte, sort int, name []byte, begins bool) []byte {
	return appendBulk(appendBulk(appendHeader(dst, '*', 2), sortWord(sort, begins)), name)
}

// AppendStay implements codec.PubSub.
func (*Protocol) AppendStay(dst []byte) []byte { return append(dst, "*1\r\n$4\r\nPING\r\n"...) }

// AnswersStay implements codec.PubSub: the first is a server's that is subscribed to.
func (*Protocol) AnswersStay(frame []byte) bool {
	return string(frame) == "*2\r\n$4\r\npong\r\n$0\r\n\r\n" || string(frame) == "+PONG\r\n"
}

// Message implements codec.PubSub.
func (*Protocol) Message(frame []byte) (sort int, name []byte, ok bool) {
	n, pos := arrayAt(frame)
	if pos <= 0 || n < 3 {
		return 0, nil, false
	}
	word, pos := bulkAt(frame, pos)
	for sort := range sortWords {
		if string(word) == sortWords[sort].message {
			name, pos = bulkAt(frame, pos)
			return sort, name, pos > 0
		}
	}
	return 0, nil, false
}

// Unsubscribed implements codec.PubSub: a server of a cluster ends what hangs on a slot that it loses.
func (*Protocol) Unsubscribed(frame []byte) (sort int, name []byte, ok bool) {
	n, pos := arrayAt(frame)
	if pos <= 0 || n != 3 {
		return 0, nil, false
	}
	if word, pos := bulkAt(frame, pos); string(word) == sortWords[shards].ends {
		name, pos = bulkAt(frame, pos)
		return shards, name, pos > 0
	}
	return 0, nil, false
}

// bulkAt is the string at pos, and the offset behind it; 0: there is none.
func bulkAt(frame []byte, pos int) (s []byte, next int) {
	if pos <= 0 {
		return nil, 0
	}
	n, body := bulkHeader(frame, pos)
	if body <= 0 || !bodyEnds(frame, body+n+2) {
		return nil, 0
	}
	return frame[body : body+n], body + n + 2
}

// AnswersSubscribe implements codec.PubSub.
func (*Protocol) AnswersSubscribe(frame []byte, sort int, name []byte, begins bool) (fits, refused bool) {
	if len(frame) > 0 && frame[0] == '-' {
		return true, true
	}
	n, pos := arrayAt(frame)
	word, pos := bulkAt(frame, pos)
	of, pos := bulkAt(frame, pos)
	return n == 3 && pos > 0 && string(word) == sortWord(sort, begins) && string(of) == string(name) && pos < len(frame) && frame[pos] == ':', false
}

// AppendMessage implements codec.PubSub.
func (*Protocol) AppendMessage(dst []byte, pr codec.Profile, frame []byte) []byte {
	dst = append(dst, frame...)
	dst[len(dst)-len(frame)] = pushByte(pr)
	return dst
}

// pushByte begins what comes unasked.
func pushByte(pr codec.Profile) byte {
	if pr == RESP3 {
		return '>'
	}
	return '*'
}

// AppendSubscribed implements codec.PubSub. In RESP2 a client that is subscribed to anything may not send much else.
func (*Protocol) AppendSubscribed(dst []byte, cl *codec.Client, sort int, name []byte, begins bool, counts []int) []byte {
	dst = appendBulk(appendHeader(dst, pushByte(cl.Profile), 3), sortWord(sort, begins))
	if name == nil {
		dst = appendNull(dst, cl.Profile)
	} else {
		dst = appendBulk(dst, name)
	}
	n := counts[channels] + counts[patterns]
	if cl.Bar = uint16(gate(cl.Bar) &^ barSubscribed); n+counts[shards] > 0 {
		cl.Bar |= uint16(barSubscribed)
	}
	if sort == shards {
		n = counts[shards]
	}
	return appendInt(dst, n)
}

// appendPong is PING by a client that is subscribed, in RESP2.
func appendPong(dst []byte, cmd *codec.Command, args arguments) []byte {
	if cmd.Arg > 2 {
		return appendArity(dst, "ping")
	}
	return appendBulk(append(dst, "*2\r\n$4\r\npong\r\n"...), args.next())
}

// coalescePubSub makes the reply to a command that publishes, or asks who is subscribed, of those of servers, for which all clients of a
// loop are one.
func coalescePubSub(dst []byte, g *codec.Gather) []byte {
	switch g.Op {
	case opPublish:
		return coalesceHeard(dst, g, channels)
	case opSPublish:
		return coalesceHeard(dst, g, shards)
	case opNumSub:
		return coalesceNumSub(dst, g, channels)
	case opShardNumSub:
		return coalesceNumSub(dst, g, shards)
	case opNumPat:
		return coalesceNumPat(dst, g)
	default:
		return coalesceChannels(dst, g)
	}
}

// asksPubSub tells of an Op whether coalescePubSub makes its reply.
func asksPubSub(op uint16) bool {
	switch op {
	case opPublish, opSPublish, opNumSub, opShardNumSub, opNumPat, opChannels, opShardChannels:
		return true
	}
	return false
}

// coalesceHeard is the reply to PUBLISH: what the server says, with the clients of the proxy in the place of the proxy itself.
func coalesceHeard(dst []byte, g *codec.Gather, sort int) []byte {
	n, ok := integer(g.Replies[0])
	if !ok {
		return append(dst, errInvalid...)
	}
	if n == 0 {
		return appendInt(dst, 0) // who is subscribed by now came behind it
	}
	place := int(g.Part[0])
	clients, own := g.Subscribers.Count(sort, g.Keys, place)
	if sort == channels {
		g.Subscribers.Names(patterns, place, func(pattern string, c, o int) {
			if acl.Matches(pattern, g.Keys) {
				clients, own = clients+c, own+o
			}
		})
	}
	return appendInt(dst, max(n-own, 0)+clients)
}

// coalesceNumPat: a server counts a pattern once, whoever is subscribed to it.
func coalesceNumPat(dst []byte, g *codec.Gather) []byte {
	sum, ours := 0, 0
	for i, r := range g.Replies {
		n, ok := integer(r)
		if !ok {
			return append(dst, errInvalid...)
		}
		ours = 0
		g.Subscribers.Names(patterns, int(g.Part[i]), func(_ string, clients, own int) {
			if own > 0 {
				n--
			}
			if clients > 0 {
				ours++
			}
		})
		sum += max(n, 0)
	}
	return appendInt(dst, sum+ours)
}

// coalesceNumSub adds up what servers say of each name that was asked for; Keys is the command.
func coalesceNumSub(dst []byte, g *codec.Gather, sort int) []byte {
	start := len(dst)
	args := argsOf(g.Keys)
	args.next()
	args.next()
	for i, r := range g.Replies {
		n, pos := arrayAt(r)
		if pos <= 0 || n != 2*args.left {
			return append(dst, errInvalid...)
		}
		g.Cursor[i] = pos
	}
	dst = appendHeader(dst, '*', 2*args.left)
	for args.left > 0 {
		name, sum := args.next(), 0
		for i, r := range g.Replies {
			of, pos := bulkAt(r, g.Cursor[i])
			end := elementEnd(r, pos)
			n, ok := 0, false
			if pos > 0 && end > 0 {
				n, ok = integer(r[pos:end])
			}
			if !ok || string(of) != string(name) {
				return append(dst[:start], errInvalid...)
			}
			sum += n
			g.Cursor[i] = end
		}
		clients, own := g.Subscribers.Count(sort, name, -1)
		dst = appendInt(appendBulk(dst, name), max(sum-own, 0)+clients)
	}
	return dst
}

// coalesceChannels joins the names that servers have, each once.
func coalesceChannels(dst []byte, g *codec.Gather) []byte {
	seen := make(map[string]bool)
	var list []string
	for _, r := range g.Replies {
		n, pos := arrayAt(r)
		for ; n > 0 && pos > 0; n-- {
			var name []byte
			if name, pos = bulkAt(r, pos); pos > 0 && !seen[string(name)] {
				seen[string(name)] = true
				list = append(list, string(name))
			}
		}
		if pos <= 0 {
			return append(dst, errInvalid...)
		}
	}
	dst = appendHeader(dst, '*', len(list))
	for _, name := range list {
		dst = appendBulk(dst, name)
	}
	return dst
}

// pubsubHelp is what PUBSUB HELP says. Source: redis 7.0 pubsub.c, pubsubCommand.
var pubsubHelp = []string{
	"PUBSUB <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
	"CHANNELS [<pattern>]",
	"    Return the currently active channels matching a <pattern> (default: '*').",
	"NUMPAT",
	"    Return number of subscriptions to patterns.",
	"NUMSUB [<channel> ...]",
	"    Return the number of subscribers for the specified channels, excluding",
	"    pattern subscriptions(default: no channels).",
	"SHARDCHANNELS [<pattern>]",
	"    Return the currently active shard level channels matching a <pattern> (default: '*').",
	"SHARDNUMSUB [<shardchannel> ...]",
	"    Return the number of subscribers for the specified shard level channel(s)",
	"HELP",
	"    Prints this help.",
}
