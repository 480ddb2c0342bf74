package resp

import "cashew/codec"

// kind is what the proxy does with a command: forward in the row {"get", 2, forward, key1, "rf"} of table.go.
type kind uint8

const (
	refused    kind = iota // known, and answered with an error
	forward                // to the one server that owns its keys
	split                  // in fragments to the servers that own its keys
	local                  // answered here
	perhaps                // answered here, or refused for what its arguments ask
	switches               // answered here, and may change the protocol version, or the database
	report                 // answered off the loop, by what all loops know
	watches                // on a connection of the client's own, until EXEC
	blocks                 // the same, until its reply
	acks                   // the same, where the pool has one server; about all that its client has written there
	quit                   // answered here, then the connection ends
	subscribes             // for the client, by way of the proxy
	publishes              // to the server that owns the channel
	moves                  // to the server that owns its key, if the database that it names is served
	swaps                  // to every server of the pool, if the databases that it names are served
	anywhere               // to any server: "placeholder"'s, or another that can be reached
	everywhere             // to every server of the pool
	walks                  // to one server of the pool after the other
	container              // a subcommand decides
	hangup                 // an HTTP client: close
)

// keyKind is how the keys among a command's arguments are found.
type keyKind uint8

const (
	positions  keyKind = iota // first, last, step
	counted                   // count at first, keys behind it, step apart; the command's own errors: see count
	destCounts                // destination key at 1, count at 2, keys behind it
	sortStore                 // key at 1, perhaps STORE key
	geoStore                  // key at 1, perhaps STORE or STOREDIST key
	streams                   // keys are the first half of what follows STREAMS
	copies                    // keys at 1 and 2, perhaps DB n
	migrates                  // key at 3, or if that is empty those behind KEYS
)

// keySpec places the keys among a command's arguments. Argument 0 is the command's name; first 0: no keys.
type keySpec struct {
	kind        keyKind
	first, last int8 // last < 0 counts from the end: -1 is the last argument
	step        int8
	count       countErrors
}

// countErrors says which of Redis's texts answer a wrong count.
type countErrors uint8

const (
	countEval countErrors = iota // EVAL, FCALL
	countZset                    // ZUNION and relatives
	countCard                    // SINTERCARD
	countPop                     // LMPOP, ZMPOP
	countPair                    // MSETEX
)

// plan is which arguments walk records while it passes them.
type plan struct {
	next, last, step int
	pairs            bool // an argument that is not recorded belongs to the fragment of the key before it
}

// planFrom is the plan for a command of argc arguments of which the first index have been passed.
func (c *command) planFrom(index, argc int) plan {
	if c.planStep == 0 {
		return plan{next: -1}
	}
	pl := plan{next: int(c.planFirst), last: int(c.planLast), step: int(c.planStep), pairs: c.pairs}
	if pl.last < 0 {
		pl.last += argc
	}
	if pl.next < index {
		pl.next += (index - pl.next + pl.step - 1) / pl.step * pl.step
	}
	if pl.next > pl.last {
		pl.next = -1
	}
	return pl
}

// pass goes on behind the next n arguments that are recorded.
func (pl *plan) pass(n int) {
	if pl.next += n * pl.step; pl.next > pl.last {
		pl.next = -1
	}
}

// takes tells whether the command may have argc arguments, its name included.
func (c *command) takes(argc int) bool {
	return fits(int(c.arity), argc) && (c.group == 0 || (argc-int(c.keys.first))%int(c.group) == 0)
}

// fits tells whether argc arguments are as many as an arity says; of them, groups are not looked at.
func fits(arity, argc int) bool { return argc == arity || arity < 0 && argc >= -arity }

// child is the row of a container's subcommand, 0 if there is none.
func (c *command) child(name []byte) int {
	for i := c.firstChild; i < c.endChild; i++ {
		if equalFold(name, commands[i].name[len(c.name)+1:]) {
			return int(i)
		}
	}
	return 0
}

// pick finds the keys of a command whose arguments decide where they are. args[i] is argument i+1; the keys are moved to
// its front. err is why the command is refused.
func (c *command) pick(frame []byte, args []codec.Key) (keys []codec.Key, err string) {
	switch c.keys.kind {
	case counted:
		return c.pickCounted(frame, args, int(c.keys.first))
	case destCounts:
		dest := args[0]
		keys, err = c.pickCounted(frame, args, 2)
		if err != "" {
			return nil, err
		}
		// The count stood between the two, so there is room for one more.
		keys = keys[:len(keys)+1]
		copy(keys[1:], keys)
		keys[0] = dest
		return keys, ""
	case sortStore:
		return pickSort(frame, args), ""
	case geoStore:
		return c.pickGeo(frame, args), ""
	case streams:
		return pickStreams(frame, args)
	case copies:
		return args[:2], ""
	case migrates:
		return pickMoved(frame, args), ""
	default:
		return nil, refuseSyntax
	}
}

// pickCounted is pick for a count of keys in argument at.
func (c *command) pickCounted(frame []byte, args []codec.Key, at int) ([]codec.Key, string) {
	n, ok := parseInt(bytesOf(frame, args[at-1]))
	rest := int64(len(args) - at)
	step := int64(c.keys.step)
	switch c.keys.count {
	case countEval:
		switch {
		case !ok:
			return nil, refuseInteger
		case n > rest:
			return nil, refuseKeysMany
		case n < 0:
			return nil, refuseKeysNeg
		case n == 0:
			return nil, refuseKeyless
		}
	case countZset:
		switch {
		case !ok:
			return nil, refuseInteger
		case n < 1:
			return nil, refuseInputKey
		case n > rest:
			return nil, refuseSyntax
		}
	case countCard, countPop:
		switch {
		case !ok, n < 1:
			return nil, refuseKeysZero
		case n > rest && c.keys.count == countCard:
			return nil, refuseKeysMany
		case n > rest:
			return nil, refuseSyntax
		}
	case countPair:
		switch {
		case !ok, n < 1:
			return nil, refuseKeysZero
		case n > rest/step:
			return nil, refuseArity
		}
	}
	for i := range int(n) {
		args[i] = args[at+i*int(step)]
	}
	return args[:n], ""
}

// pickSort is pick for SORT key [BY p] [LIMIT o c] [GET p ...] [ASC|DESC] [ALPHA] [STORE dest]: of several STORE the
// last counts. Source: redis 7.0 db.c, sortGetKeys.
func pickSort(frame []byte, args []codec.Key) []codec.Key {
	dest := 0
	for i := 1; i < len(args); i++ {
		left := len(args) - 1 - i
		switch word := bytesOf(frame, args[i]); {
		case equalFold(word, "limit") && left >= 2:
			i += 2
		case (equalFold(word, "get") || equalFold(word, "by")) && left >= 1:
			i++
		case equalFold(word, "store") && left >= 1:
			i++
			dest = i
		}
	}
	return withDest(args, dest)
}

// pickGeo is pick for GEORADIUS and GEORADIUSBYMEMBER, whose options begin behind the arguments they must have.
//
// Source: redis 7.0 src/commands/georadius.json, key specs.
func (c *command) pickGeo(frame []byte, args []codec.Key) []codec.Key {
	dest := 0
	for i := -int(c.arity) - 1; i+1 < len(args); i++ {
		if word := bytesOf(frame, args[i]); equalFold(word, "store") || equalFold(word, "storedist") {
			i++
			dest = i
		}
	}
	return withDest(args, dest)
}

func withDest(args []codec.Key, dest int) []codec.Key {
	if dest == 0 {
		return args[:1]
	}
	args[1] = args[dest]
	return args[:2]
}

// pickStreams is pick for XREAD and XREADGROUP. An option that is not known here is the server's to judge. Source: redis 7.0 t_stream.c, xreadCommand.
func pickStreams(frame []byte, args []codec.Key) ([]codec.Key, string) {
	unknown := false
	for i := 0; i < len(args); i++ {
		left := len(args) - 1 - i
		switch word := bytesOf(frame, args[i]); {
		case equalFold(word, "streams") && left > 0:
			if left%2 != 0 && unknown {
				return nil, refuseSyntax // the server reads from the left
			}
			if left%2 != 0 {
				return nil, refuseUnbalanced
			}
			return args[:copy(args, args[i+1:i+1+left/2])], ""
		case (equalFold(word, "block") || equalFold(word, "count") || equalFold(word, "claim")) && left > 0:
			i++
		case equalFold(word, "group") && left > 1:
			i += 2
		case !equalFold(word, "noack"):
			unknown = true
		}
	}
	return nil, refuseSyntax
}

// pickMoved is pick for MIGRATE host port key|"" db timeout [COPY] [REPLACE] [AUTH password] [AUTH2 user password] [KEYS key ...].
// Source: redis 7.0 cluster.c, migrateCommand; db.c, migrateGetKeys.
func pickMoved(frame []byte, args []codec.Key) []codec.Key {
	if args[2].Len > 0 {
		return args[:copy(args, args[2:3])]
	}
	for i := 5; i < len(args); i++ {
		switch word := bytesOf(frame, args[i]); {
		case equalFold(word, "auth"):
			i++
		case equalFold(word, "auth2"):
			i += 2
		case equalFold(word, "keys"):
			return args[:copy(args, args[i+1:])]
		}
	}
	return args[:0]
}

func bytesOf(frame []byte, k codec.Key) []byte {
	return frame[k.Off : k.Off+k.Len]
}
