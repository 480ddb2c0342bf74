package resp

import (
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// learnAll learns all commands of a server, with their subcommands, each by itself, from a connection of that version.
func learnAll(t *testing.T, p *Protocol, socket string, hello ...[]byte) map[string]*learned {
	t.Helper()
	names := []string{}
	for _, info := range decode(t, dialRedis(t, socket).ask(frameOf("COMMAND"))).([]any) {
		names = append(names, info.([]any)[0].(string))
		for _, sub := range info.([]any)[9].([]any) {
			names = append(names, sub.([]any)[0].(string))
		}
	}
	c, all := dialRedis(t, socket), make(map[string]*learned)
	for _, frame := range hello {
		c.ask(frame)
	}
	for _, name := range names {
		lesson, known, said := p.Learn(name, []byte(c.ask(p.AppendAsk(nil, name))))
		e, ok := lesson.(*learned)
		if !ok || !known || !said || e.name != name {
			t.Fatalf("Learn(%s) = %+v, %v, %v", name, lesson, known, said)
		}
		all[name] = e
	}
	return all
}

// Where what is learned of a command differs from its row, and why.
var learnsOtherwise = map[string]string{
	"asking":   "categories: none of its own to Redis",
	"wait":     "categories: 7.0 does not say that it may block",
	"migrate":  "keys: its specs are not complete",
	"sort":     "keys: its specs are not complete",
	"sort_ro":  "keys: its specs are not complete",
	"zrank":    "arity: 7.2 added WITHSCORE",
	"zrevrank": "arity: 7.2 added WITHSCORE",
}

// TestLessonsAgainstRedis: what is learned of each command of a real server is what its row says: the arity, whether it reads, writes or
// blocks, its categories; and all that the table sends to servers is learned as what may be sent there, and what it never sends as such.
func TestLessonsAgainstRedis(t *testing.T) {
	socket, p := redisServer(t), New(Options{Commands: "+@all"})
	all := learnAll(t, p, socket)
	if three := learnAll(t, p, socket, frameOf("HELLO", "3")); len(all) < 350 || !cmp.Equal(all, three, cmp.AllowUnexported(learned{}, finder{})) {
		t.Errorf("%d commands; in RESP3:\n%s", len(all), cmp.Diff(all, three, cmp.AllowUnexported(learned{}, finder{})))
	}
	rules, bits := make(map[string]*Protocol), make(map[string]categories)
	for _, name := range categoryNames {
		rules[name], bits[name] = New(Options{Commands: "+@" + name}), category(name)
	}
	info := dialRedis(t, socket)
	compared := 0
	for _, name := range slices.Sorted(maps.Keys(all)) {
		e, op := all[name], opOf(name)
		row := &commands[op]
		if op == 0 {
			continue // refused as a whole, or COMMAND, which is parsed where it is answered
		}
		compared++
		other := learnsOtherwise[name]
		if e.arity != int(row.arity) && !strings.HasPrefix(other, "arity") {
			t.Errorf("%s: arity %d; the table says %d", name, e.arity, row.arity)
		}
		sent := row.kind == forward || row.kind == split || row.kind == blocks
		if _, class := p.Describe(e.op); sent && class != classes[op] {
			t.Errorf("%s: class %v; the table says %v", name, class, classes[op])
		}
		if blocks := waits[op] != 0 && row.kind != acks; e.blocks != blocks {
			t.Errorf("%s: blocks: %v", name, e.blocks)
		}
		if sent && (e.never != "" || !e.told != strings.HasPrefix(other, "keys")) {
			t.Errorf("%s goes to servers; learned: %q, keys are told: %v", name, e.never, e.told)
		}
		for category, judge := range rules { // in no order: each is judged for itself
			lesson, _, _ := judge.Learn(name, []byte(info.ask(p.AppendAsk(nil, name))))
			if got, want := lesson.(*learned).allowed, row.categories&bits[category] != 0; got != want && !isWhole(row) && !strings.HasPrefix(other, "categories") {
				t.Errorf("%s: +@%s allows it: %v; by its row: %v", name, category, got, want)
			}
		}
	}
	if compared < 250 {
		t.Errorf("only %d commands compared", compared)
	}
	for _, name := range []string{
		"subscribe", "psubscribe", "ssubscribe", "unsubscribe", "publish", "spublish", "pubsub|channels", "auth", "hello", "reset", "quit", "select", "multi", "exec",
		"discard", "watch", "unwatch", "client|reply", "client|tracking", "client|caching", "client|list", "monitor", "sync", "psync", "replconf", "asking", "readonly",
	} {
		if all[name].never == "" {
			t.Errorf("%s may be sent", name)
		}
	}
}

// opOf is the row of a name as COMMAND INFO has it, 0 if there is none.
func opOf(name string) int {
	head, sub, isSub := strings.Cut(name, "|")
	op := lookup([]byte(head), 0, len(head))
	if !isSub || op == 0 {
		return op
	}
	return commands[op].child([]byte(sub))
}

// TestKeySpecsAgainstRedis: in random calls of all commands of a real server that have key specs, the keys are those that the server
// finds itself (COMMAND GETKEYS).
func TestKeySpecsAgainstRedis(t *testing.T) {
	socket, p := redisServer(t), New(Options{})
	all, c := learnAll(t, p, socket), dialRedis(t, socket)
	words := []string{"a", "b", "1", "2", "3", "0", "-1", "x", "STORE", "storedist", "STREAMS", "COUNT", "KEYS", "GET", "BY", "GROUP", "BLOCK", ""}
	compared, found := 0, make(map[string]bool)
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 7))
		for _, name := range slices.Sorted(maps.Keys(all)) {
			e := all[name]
			if len(e.finders) == 0 || !e.told {
				continue
			}
			args := strings.Split(name, "|")
			for range r.IntN(9) {
				args = append(args, words[r.IntN(len(words))])
			}
			list, ok := decode(t, c.ask(frameOf(append([]string{"COMMAND", "GETKEYS"}, args...)...))).([]any)
			if !ok {
				continue // the server refuses the call
			}
			frame := frameOf(args...)
			keys, told := e.find(frame, appendArgs(nil, frame))
			var got, want []string
			for _, k := range keys {
				got = append(got, string(bytesOf(frame, k)))
			}
			for _, k := range list {
				want = append(want, k.(string))
			}
			compared++
			found[name] = true
			if len(want) == 0 && !told {
				continue // EVAL with a count that is none has no keys to the server, which refuses it then
			}
			if !told || !slices.Equal(got, want) {
				t.Errorf("%q: keys %q, told: %v; the server finds %q", args, got, told, want)
			}
		}
	}
	if compared < 4000 || len(found) < 170 {
		t.Errorf("only %d calls of %d commands compared", compared, len(found))
	}
}
