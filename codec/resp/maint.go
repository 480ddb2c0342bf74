package resp

import (
	"slices"
	"strings"

	"cashew/codec"
)

// CLIENT MAINT_NOTIFICATIONS ON [moving-endpoint-type type] is how clients of RESP3 ask to be told before they lose their connection, so
// that they make another first and lose no command:
//
//	>4 MOVING number seconds endpoint
//
// They have so many seconds until the old one is closed. Endpoint is what they are to connect to, "host:port"; null is where they
// connected before, for which they wait half of that time. A client that asked for a type gets no null unless its library is known to
// take it: node-redis asserts that it is none, and its process ends. Source: go-redis 9.23 maintnotifications, redis-py 8
// maint_notifications.py, node-redis 6 enterprise-maintenance-manager.ts, which read it, for Redis Enterprise, which sends it.

var opClientMaint = mustSub("client", "maint_notifications")

// endpointTypes are what an endpoint may be asked to be.
var endpointTypes = []string{"internal-ip", "internal-fqdn", "external-ip", "external-fqdn", "none"}

// What codec.Client.Moves is.
const (
	movesUntold  = iota // it is not to be told
	movesAnyhow         // it asked for no type of endpoint: null will do
	movesSomehow        // it asked for one: null may be an error to it
)

// takeNull are libraries, as CLIENT SETINFO names them, that connect anew where they connected before if they are told null, whatever
// they asked for.
var takeNull = []string{"go-redis", "redis-py"}

// takesNull says that lib, perhaps with what stands in parentheses behind its name, is one of those.
func takesNull(lib string) bool {
	name, _, _ := strings.Cut(lib, "(")
	return slices.Contains(takeNull, name)
}

// appendMaint is CLIENT MAINT_NOTIFICATIONS, whose arguments args are.
func appendMaint(dst []byte, cl *codec.Client, args arguments) []byte {
	on, of := args.next(), "none"
	switch {
	case equalFold(on, "off") && args.left == 0:
		cl.Moves = movesUntold
		return append(dst, replyOK...)
	case !equalFold(on, "on"), args.left != 0 && (args.left != 2 || !equalFold(args.next(), "moving-endpoint-type")):
		return append(dst, errSyntax...)
	case cl.Profile != RESP3:
		return append(dst, "-ERR CLIENT MAINT_NOTIFICATIONS needs RESP3\r\n"...)
	}
	if args.left > 0 {
		name, known := args.next(), false
		for _, t := range endpointTypes {
			if equalFold(name, t) {
				of, known = t, true
			}
		}
		if !known {
			return append(dst, "-ERR Invalid moving-endpoint-type\r\n"...)
		}
	}
	cl.Moves = movesAnyhow
	if of != "none" {
		cl.Moves = movesSomehow
	}
	return append(dst, replyOK...)
}

// AppendMoving implements codec.Answers.
func (*Protocol) AppendMoving(dst []byte, cl *codec.Client, number, seconds int, endpoint string) []byte {
	if cl.Profile != RESP3 || cl.Moves == movesUntold || endpoint == "" && cl.Moves == movesSomehow && !takesNull(cl.Lib) {
		return dst
	}
	dst = appendBulk(append(dst, ">4\r\n"...), "MOVING")
	dst = appendInt(appendInt(dst, number), seconds)
	if endpoint == "" {
		return append(dst, null3...)
	}
	return appendBulk(dst, endpoint)
}
