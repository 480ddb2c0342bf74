//go:build unix

package difftest

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// fuzzAway are commands that no fuzzer of words can compare: the proxy refuses them on purpose (those that need all
// servers, or that block), or their replies are by chance or by the clock.
var fuzzAway = strings.Fields(`blmove blmpop blpop brpop brpoplpush bzmpop bzpopmax bzpopmin dbsize flushall flushdb keys lolwut migrate
	move randomkey scan swapdb restore-asking pfdebug pfselftest function script
	spop srandmember hrandfield zrandmember ttl pttl expiretime pexpiretime object|idletime memory|usage xinfo|consumers xpending
	xclaim xautoclaim`)

// fuzzSmall are commands whose numbers are sizes or offsets: a great one would take much memory.
var fuzzSmall = strings.Fields("setbit setrange bitfield")

// fuzzTimed are commands whose numbers are lives: a short one would be over, or not, while the test runs.
var fuzzTimed = strings.Fields("set setex psetex getex expire pexpire expireat pexpireat restore")

// fuzzOptions are option words and words with a meaning of their own. BLOCK and DB are the proxy's to refuse.
var fuzzOptions = strings.Fields(`NX XX GT LT CH INCR EX PX EXAT PXAT KEEPTTL PERSIST GET WITHSCORES WITHSCORE LIMIT COUNT MATCH TYPE BY STORE
	STOREDIST ASC DESC ALPHA LEFT RIGHT BEFORE AFTER WEIGHTS AGGREGATE SUM MIN MAX MAXLEN MINID ~ = NOMKSTREAM REV BYSCORE BYLEX ANY WITHDIST
	WITHCOORD WITHHASH FROMLONLAT FROMMEMBER BYRADIUS BYBOX m km ft LEN IDX MINMATCHLEN WITHMATCHLEN RANK STREAMS GROUP NOACK REPLACE ABSTTL
	IDLETIME FREQ AND OR NOT XOR BIT BYTE OVERFLOW SAT WRAP u8 i64 CREATE MKSTREAM FULL ENCODING REFCOUNT inf +inf -inf (1 [a + - 1-0 0-0 $ >
	1.5 1e400 a b x`)

var fuzzFill = [][]string{
	{"DEL", "s", "l", "h", "z", "e", "x", "n", "g", "none"},
	{"SET", "s", "some text"},
	{"SET", "n", "10"},
	{"RPUSH", "l", "a", "b", "1"},
	{"HSET", "h", "a", "1", "b", "x"},
	{"ZADD", "z", "1", "a", "2", "b"},
	{"SADD", "e", "1", "2"},
	{"XADD", "x", "1-1", "a", "b"},
	{"GEOADD", "g", "1", "1", "a", "2", "2", "b"},
}

// fuzzNames are the names of the server's commands that are worth it; "a|b" is b behind a.
func fuzzNames(t *testing.T, s *redisServer) []string {
	t.Helper()
	names := []string{"xread", "xreadgroup", "eval", "evalsha", "eval_ro", "fcall"}
	for _, category := range []string{"read", "write"} {
		for _, name := range bulks(t, s.do(t, "COMMAND", "LIST", "FILTERBY", "ACLCAT", category)) {
			if !slices.Contains(fuzzAway, name) && !slices.Contains(names, name) && !strings.HasSuffix(name, "|help") && !strings.HasPrefix(name, "function|") {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	if len(names) < 130 {
		t.Fatalf("only %d commands: %q", len(names), names)
	}
	return names
}

// fuzzCommand is a command with words that may fit, in a number that may.
func fuzzCommand(rng *rand.Rand, names []string) []string {
	var args []string
	if rng.IntN(3) == 0 { // one that is right, perhaps with a word changed, taken out or put in
		for word := range strings.SplitSeq(templates[rng.IntN(len(templates))], "_") {
			args = append(args, randomWords(rng, word)...)
		}
		if args = args[:min(len(args), 8)]; slices.Contains(fuzzAway, strings.ToLower(args[0])) {
			return []string{"PING"}
		}
	} else {
		args = strings.Split(names[rng.IntN(len(names))], "|")
		if rng.IntN(8) == 0 {
			args[0] = strings.ToUpper(args[0])
		}
		for range rng.IntN(7) {
			args = append(args, "")
			args[len(args)-1] = fuzzWord(rng, args)
		}
	}
	at := 1 + rng.IntN(len(args))
	switch rng.IntN(4) {
	case 0:
		args = slices.Insert(args, at, fuzzWord(rng, args))
	case 1:
		if at < len(args) {
			args[at] = fuzzWord(rng, args)
		}
	case 2:
		args = args[:at]
	}
	if strings.HasPrefix(strings.ToLower(args[0]), "eval") && len(args) > 1 && rng.IntN(2) == 0 {
		args[1] = "return {#KEYS, KEYS, ARGV}"
	}
	return args
}

// fuzzWord is a word for the command that args begin with: a key, a number, an option.
func fuzzWord(rng *rand.Rand, args []string) string {
	name := strings.ToLower(args[0])
	switch rng.IntN(5) {
	case 0, 1:
		return []string{"s", "l", "h", "z", "e", "x", "n", "g", "none", ""}[rng.IntN(10)]
	case 2, 3:
		if slices.Contains(fuzzSmall, name) {
			return []string{"0", "1", "5", "-1", "1000", "+1", "01", "1x", "", "#1", "99999999999999999999", "-99999999999999999999"}[rng.IntN(12)]
		}
		if slices.Contains(fuzzTimed, name) {
			return fuzzExpiry(rng)
		}
		return fuzzNumber(rng)
	default:
		return fuzzOptions[rng.IntN(len(fuzzOptions))]
	}
}

// fuzzUnrouted tells whether a reply may differ since the proxy finds no key in the command: a script without one is
// refused, and of two mistakes the proxy may tell the one that keeps it from finding the keys, the server the other.
func fuzzUnrouted(name, want, got string) bool {
	bothErrors := strings.HasPrefix(got, "-ERR ") && strings.HasPrefix(want, "-")
	switch name {
	case "eval", "eval_ro", "fcall", "fcall_ro", "evalsha", "evalsha_ro":
		return bothErrors || strings.HasPrefix(got, "-ERR this proxy needs at least one key")
	case "xread", "xreadgroup":
		return bothErrors && (got == "-ERR syntax error\r\n" || strings.HasPrefix(got, "-ERR Unbalanced "))
	}
	return false
}

// TestFuzzWords sends commands with odd numbers, options and arguments, too few and too many, to a redis-server and then
// through the proxy to the same one: the words of the replies must be the same, but for fuzzUnrouted.
func TestFuzzWords(t *testing.T) {
	t.Parallel()
	wantCashew(t, "it closes the client at any mistake, 6.2")
	server := startRedis(t)
	addr := startProxy(t, poolOf([]*redisServer{server})).addr("p")
	names := fuzzNames(t, server)
	fuzzSeeds(t, func(t *testing.T, seed uint64) {
		rng := newRand(seed)
		var commands [][]string
		for range 50 {
			commands = append(commands, fuzzFill...)
			for range 10 {
				commands = append(commands, fuzzCommand(rng, names))
			}
		}
		flush(t, server)
		want := exchange(t, server.addr, commands, whole, rng)
		flush(t, server)
		got := exchange(t, addr, commands, whole, rng)
		for i, args := range commands {
			if got[i] != want[i] && !fuzzUnrouted(strings.ToLower(args[0]), want[i], got[i]) {
				t.Fatalf("command %d: %q = %q; want %q", i, args, clip(got[i]), clip(want[i]))
			}
		}
	})
}
