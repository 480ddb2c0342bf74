package resp

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"cashew/codec"
)

// infoOf is the reply of a server of that version to COMMAND INFO about one command, which in words is
// "name arity flags first last step categories", with commas between flags and between categories, and key specs as they are.
func infoOf(version int, about string, specs ...string) string {
	w := strings.Fields(about)
	set := func(words string) string {
		if words == "-" {
			return "*0\r\n"
		}
		list := strings.Split(words, ",")
		return fmt.Sprintf("*%d\r\n+%s\r\n", len(list), strings.Join(list, "\r\n+"))
	}
	s := fmt.Sprintf("$%d\r\n%s\r\n:%s\r\n%s:%s\r\n:%s\r\n:%s\r\n", len(w[0]), w[0], w[1], set(w[2]), w[3], w[4], w[5])
	switch {
	case version < 6:
		return "*1\r\n*6\r\n" + s
	case version < 7:
		return "*1\r\n*7\r\n" + s + set(w[6])
	}
	return "*1\r\n*10\r\n" + s + set(w[6]) + "*0\r\n" + fmt.Sprintf("*%d\r\n", len(specs)) + strings.Join(specs, "") + "*0\r\n"
}

// specOf is a key spec: flags, "index 1" or "keyword W 1", "range last step limit" or "keynum at first step".
func specOf(flags, begin, find string) string {
	fields := map[string][]string{"index": {"index"}, "keyword": {"keyword", "startfrom"}, "range": {"lastkey", "keystep", "limit"}, "keynum": {"keynumidx", "firstkey", "keystep"}}
	part := func(words []string) string {
		s := fmt.Sprintf("*4\r\n$4\r\ntype\r\n$%d\r\n%s\r\n$4\r\nspec\r\n*%d\r\n", len(words[0]), words[0], 2*(len(words)-1))
		for i, w := range words[1:] {
			name := fields[words[0]][i]
			s += fmt.Sprintf("$%d\r\n%s\r\n", len(name), name)
			if name == "keyword" {
				s += fmt.Sprintf("$%d\r\n%s\r\n", len(w), w)
			} else {
				s += ":" + w + "\r\n"
			}
		}
		return s
	}
	f := strings.Fields(flags)
	return fmt.Sprintf("*6\r\n$5\r\nflags\r\n*%d\r\n+%s\r\n$12\r\nbegin_search\r\n%s$9\r\nfind_keys\r\n%s", len(f), strings.Join(f, "\r\n+"),
		part(strings.Fields(begin)), part(strings.Fields(find)))
}

// lessonOf learns a command and wants it to be known.
func lessonOf(t *testing.T, p *Protocol, reply string) any {
	t.Helper()
	v, _, ok := readValue([]byte(reply), 0)
	if !ok || len(v.list) != 1 {
		t.Fatalf("no answer to COMMAND INFO: %q", reply)
	}
	name := string(v.list[0].list[0].text)
	lesson, known, said := p.Learn(name, []byte(reply))
	if !known || !said {
		t.Fatalf("Learn(%s) = %+v, %v, %v", name, lesson, known, said)
	}
	return lesson
}

// unknown parses a command that is not known.
func unknown(t *testing.T, p *Protocol, cl *codec.Client, args ...string) *codec.Command {
	t.Helper()
	var s codec.Scan
	cmd := new(codec.Command)
	if n, err := p.ParseCommand(cl, &s, frameOf(args...), cmd); err != nil || n == 0 || cmd.Kind != codec.Unknown {
		t.Fatalf("ParseCommand(%q) = %d, %v, kind %d; want Unknown", args, n, err, cmd.Kind)
	}
	return cmd
}

// routes is what becomes of a command: "forward k", "lease k l", "refuse text", with "sole" behind it if the only server gets it.
func routes(p *Protocol, cl *codec.Client, cmd *codec.Command) string {
	names := map[codec.Kind]string{codec.Forward: "forward", codec.Lease: "lease", codec.Queue: "queue", codec.Refuse: "refuse"}
	words := []string{names[cmd.Kind]}
	keys := cmd.Keys
	if len(keys) == 0 && cmd.Key != nil {
		words = append(words, string(cmd.Key))
	}
	for i := range keys {
		words = append(words, string(cmd.KeyAt(i)))
	}
	if cmd.Kind == codec.Lease && cmd.Wait != math.MaxInt64 {
		words = append(words, "for a while")
	}
	if cmd.Sole {
		words = append(words, "sole")
	}
	if cmd.Apart {
		words = append(words, "leased")
	}
	if cmd.Kind == codec.Refuse {
		words = append(words, strings.TrimSpace(string(p.AppendLocal(nil, cl, cmd))))
	}
	return strings.Join(words, " ")
}

// TestLearn: what becomes of calls of commands that were looked up, by what a server of whichever version says of them.
func TestLearn(t *testing.T) {
	index, all := "index 1", "range -1 1 0"
	keyless := "-ERR command 'm.x' has no key here that says which of the pool's servers it is for"
	untold := "-ERR where the keys of command 'm.x' are can't be told from its COMMAND INFO, and this pool has several servers"
	never := "refuse -ERR command 'm.x' is not supported by this proxy: "
	for _, tt := range []struct{ name, info, call, want string }{
		{"6 elements", infoOf(5, "m.x -2 readonly,fast 1 1 1"), "m.x k v", "forward k"},
		{"capitals", infoOf(5, "m.x -2 readonly,fast 1 1 1"), "M.X k v", "forward k"},
		{"7 elements, two keys", infoOf(6, "m.x 3 write 1 2 1 @write"), "m.x k l", "forward k l"},
		{"all to the last but one", infoOf(6, "m.x -3 write 1 -2 1 @write"), "m.x k l 0", "forward k l"},
		{"keys by twos", infoOf(6, "m.x -3 write 1 -1 2 @write"), "m.x k 1 l 2", "forward k l"},
		{"too few arguments, a key", infoOf(6, "m.x 3 write 1 2 1 @write"), "m.x k", "forward k"},
		{"too few arguments, no key", infoOf(6, "m.x 3 write 1 2 1 @write"), "m.x", "refuse sole -ERR wrong number of arguments for 'm.x' command"},
		{"movable, before key specs", infoOf(6, "m.x -2 write,movablekeys 0 0 0 @write"), "m.x 1 k", "refuse sole " + untold},
		{"movable, with a first key", infoOf(6, "m.x -2 write,movablekeys 1 1 1 @write"), "m.x 1 k", "refuse sole " + untold},
		{"a first key that is none", infoOf(6, "m.x -2 write -1 1 1 @write"), "m.x k", "refuse sole " + untold},
		{"a step that is none", infoOf(6, "m.x -2 write 1 1 0 @write"), "m.x k", "refuse sole " + untold},
		{"a step that is too long", infoOf(6, "m.x -2 write 1 -1 9223372036854775807 @write"), "m.x k l", "refuse sole " + untold},
		{"no key", infoOf(7, "m.x -1 readonly 0 0 0 @read"), "m.x a", "refuse sole " + keyless},
		{"blocking", infoOf(7, "m.x -2 write,blocking 1 1 1 @write", specOf("RW", index, "range 0 1 0")), "m.x k", "lease k"},
		{"blocking, two keys", infoOf(7, "m.x -2 write,blocking 1 1 1 @write", specOf("RW", index, "range 1 1 0")), "m.x k l", "lease k l"},
		{"blocking, no key", infoOf(7, "m.x -2 write,blocking 0 0 0 @write"), "m.x k", "refuse m.x sole leased " + keyless},
		{"a destination and a count", infoOf(7, "m.x -4 write,movablekeys 1 1 1 @write", specOf("OW", index, "range 0 1 0"), specOf("RO", "index 2", "keynum 0 1 1")), "m.x d 2 k l x", "forward d k l"},
		{"a count somewhere else", infoOf(7, "m.x -4 write,movablekeys 0 0 0 @write", specOf("RO", index, "keynum 1 2 2")), "m.x a 2 k 1 l 2", "forward k l"},
		{"count of none", infoOf(7, "m.x -2 readonly,movablekeys 0 0 0 @read", specOf("RO", index, "keynum 0 1 1")), "m.x 0 k", "refuse sole " + keyless},
		{"count of too many", infoOf(7, "m.x -2 readonly,movablekeys 0 0 0 @read", specOf("RO", index, "keynum 0 1 1")), "m.x 2 k", "refuse sole " + untold},
		{"count of many", infoOf(7, "m.x -2 readonly,movablekeys 0 0 0 @read", specOf("RO", index, "keynum 0 1 1")), "m.x 9223372036854775807 k", "refuse sole " + untold},
		{"count below none", infoOf(7, "m.x -2 readonly,movablekeys 0 0 0 @read", specOf("RO", index, "keynum 0 1 1")), "m.x -1 k", "refuse sole " + untold},
		{"count that is none", infoOf(7, "m.x -2 readonly,movablekeys 0 0 0 @read", specOf("RO", index, "keynum 0 1 1")), "m.x x k", "refuse sole " + untold},
		{"half behind a word", infoOf(7, "m.x -4 readonly,movablekeys 0 0 0 @read", specOf("RO", "keyword STREAMS 1", "range -1 1 2")), "m.x x streams k l 1 2", "forward k l"},
		{"a third of all", infoOf(7, "m.x -4 readonly,movablekeys 0 0 0 @read", specOf("RO", "keyword STREAMS 1", "range -1 1 3")), "m.x streams k l 1 2 3 4", "forward k l"},
		{"behind the last word", infoOf(7, "m.x -4 readonly,movablekeys 0 0 0 @read", specOf("RO", "keyword KEYS -2", all)), "m.x keys a keys k l", "forward k l"},
		{"a word looked for from the third on", infoOf(7, "m.x -4 readonly,movablekeys 0 0 0 @read", specOf("RO", "keyword KEYS 3", all)), "m.x keys a keys k", "forward k"},
		{"an option", infoOf(7, "m.x -2 write,movablekeys 1 1 1 @write", specOf("RO", index, "range 0 1 0"), specOf("OW", "keyword STORE 2", "range 0 1 0")), "m.x k by STORE d", "forward k d"},
		{"an option that is not given", infoOf(7, "m.x -2 write,movablekeys 1 1 1 @write", specOf("RO", index, "range 0 1 0"), specOf("OW", "keyword STORE 2", "range 0 1 0")), "m.x k by", "forward k"},
		{"a word with nothing behind it", infoOf(7, "m.x -2 readonly,movablekeys 0 0 0 @read", specOf("RO", "keyword KEYS 1", all)), "m.x a keys", "refuse sole " + keyless},
		{"incomplete", infoOf(7, "m.x -2 write,movablekeys 1 1 1 @write", specOf("RO", index, "range 0 1 0"), specOf("OW incomplete", "index 2", "range 0 1 0")), "m.x k l", "refuse sole " + untold},
		{"not a key", infoOf(7, "m.x -2 write 1 1 1 @write", specOf("not_key", index, "range 0 1 0")), "m.x k", "refuse sole " + untold},
		{"a search that nobody knows", infoOf(7, "m.x -2 write,movablekeys 1 1 1 @write", specOf("RO", "unknown", "range 0 1 0")), "m.x k", "refuse sole " + untold},
		{"keys found as nobody knows", infoOf(7, "m.x -2 write,movablekeys 1 1 1 @write", specOf("RO", index, "unknown")), "m.x k", "refuse sole " + untold},
		{"steps of none", infoOf(7, "m.x -2 write 1 1 1 @write", specOf("RO", index, "range -1 0 0")), "m.x k", "refuse sole " + untold},
		{"a function finds the keys", infoOf(7, "m.x -2 write,movablekeys 1 1 1 @write", specOf("RW variable_flags", index, "range 0 1 0")), "m.x k", "refuse sole " + untold},
		{"pubsub", infoOf(7, "m.x -2 pubsub 1 1 1 @slow"), "m.x k", never + "it is about subscriptions"},
		{"@pubsub", infoOf(7, "m.x -2 write 1 1 1 @pubsub"), "m.x k", never + "it is about subscriptions"},
		{"@connection", infoOf(7, "m.x -2 fast 1 1 1 @connection,@fast"), "m.x k", never + "it is about the connection, which clients share"},
		{"@transaction", infoOf(7, "m.x -2 fast 1 1 1 @transaction"), "m.x k", never + "it is about the connection, which clients share"},
		{"no_auth", infoOf(7, "m.x -2 no_auth 1 1 1 -"), "m.x k", never + "it is about the connection, which clients share"},
		{"no_multi", infoOf(7, "m.x -2 no_multi 1 1 1 -"), "m.x k", never + "it may be about a stream of replication"},
		{"for administrators, not for scripts", infoOf(7, "m.x -1 admin,noscript 0 0 0 -"), "m.x k", never + "it may be about a stream of replication"},
		{"for administrators, with a key", infoOf(7, "m.x -1 admin,noscript 1 1 1 -"), "m.x k", "refuse -NOPERM command 'm.x' is not allowed by the pool's 'commands'"},
		{"@dangerous", infoOf(7, "m.x -1 write 1 1 1 @write,@dangerous"), "m.x k", "refuse -NOPERM command 'm.x' is not allowed by the pool's 'commands'"},
		{"admin, before categories", infoOf(5, "m.x -1 admin 1 1 1"), "m.x k", "refuse -NOPERM command 'm.x' is not allowed by the pool's 'commands'"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, cl := New(Options{Learn: true}), new(codec.Client)
			cmd := unknown(t, p, cl, strings.Fields(tt.call)...)
			p.Apply(cl, cmd, lessonOf(t, p, tt.info))
			if got := routes(p, cl, cmd); got != tt.want {
				t.Errorf("%s: %s; want %s", tt.call, got, tt.want)
			}
		})
	}
}

// TestLearnNothing: names that no server has, and answers that tell nothing.
func TestLearnNothing(t *testing.T) {
	missing := "refuse sole -ERR unknown command 'm.x', with args beginning with: 'k'"
	silent := strings.Replace(missing, "sole ", "", 1)
	for _, tt := range []struct {
		reply string
		said  bool
		want  string
	}{
		{"*1\r\n*-1\r\n", true, missing},
		{"*1\r\n$-1\r\n", true, missing},
		{"*1\r\n_\r\n", true, missing},
		{"-ERR unknown command 'COMMAND'\r\n", true, silent},
		{"-NOPERM this user has no permissions to run the 'command|info' command\r\n", true, silent},
		{"-LOADING Redis is loading the dataset in memory\r\n", false, silent},
		{"-BUSY Redis is busy running a script\r\n", false, silent},
		{"*0\r\n", true, silent},
		{"*2\r\n*-1\r\n*-1\r\n", true, silent},
		{"+OK\r\n", true, silent},
		{"*1\r\n*1\r\n$3\r\nm.x\r\n", true, silent},
		{infoOf(5, "m.x x readonly 1 1 1"), true, silent},
		{"*1\r\n*6\r\n$3\r\nm.x\r\n$1\r\n2\r\n*0\r\n:1\r\n:1\r\n:1\r\n", true, silent},
	} {
		p, cl := New(Options{Learn: true}), new(codec.Client)
		lesson, known, said := p.Learn("m.x", []byte(tt.reply))
		if known || said != tt.said {
			t.Errorf("Learn(%q) = %v, %v; want false, %v", tt.reply, known, said, tt.said)
		}
		cmd := unknown(t, p, cl, "m.x", "k")
		p.Apply(cl, cmd, lesson)
		if got := routes(p, cl, cmd); got != tt.want {
			t.Errorf("behind %q: %q; want %q", tt.reply, got, tt.want)
		}
		for _, barred := range []gate{inMulti, barSelect} { // it may be known to the server a moment later
			cl := &codec.Client{Bar: uint16(barred)}
			cmd := unknown(t, p, cl, "m.x", "k")
			if p.Apply(cl, cmd, lesson); cmd.Sole || cmd.Kind != codec.Refuse {
				t.Errorf("behind %q, barred by %b: it is sent", tt.reply, barred)
			}
		}
	}
	strict, cl := New(Options{Learn: true, Commands: "+@read"}), new(codec.Client)
	lesson, _, _ := strict.Learn("m.x", []byte("*1\r\n*-1\r\n"))
	cmd := unknown(t, strict, cl, "m.x", "k")
	if strict.Apply(cl, cmd, lesson); routes(strict, cl, cmd) != silent {
		t.Errorf("by rules that don't allow it: %q", routes(strict, cl, cmd))
	}
	if lesson, known, _ := strict.Learn("m.x", []byte("|1\r\n+a\r\n:1\r\n"+infoOf(7, "m.x 2 readonly 1 1 1 @read"))); !known || !lesson.(*learned).allowed {
		t.Errorf("behind an attribute: %+v, %v", lesson, known)
	}
	// A command that the servers have under another name is not that name's.
	p := New(Options{Learn: true, Commands: "+@all"})
	lesson, known, _ := p.Learn("xmon", []byte(infoOf(7, "get 2 readonly 1 1 1 @read")))
	cmd = unknown(t, p, cl, "xmon", "k")
	p.Apply(cl, cmd, lesson)
	if got, want := routes(p, cl, cmd), "refuse -ERR command 'xmon' is another name of 'get' at the servers, and is not supported by this proxy"; got != want || !known {
		t.Errorf("renamed: %q, known: %v; want %q", got, known, want)
	}
}

// TestLearnedState: login, what barred the client, and transactions are for commands that were looked up as for others.
func TestLearnedState(t *testing.T) {
	p := New(Options{Learn: true, Password: "x"})
	one, none, waits := lessonOf(t, p, infoOf(7, "m.x 2 write 1 1 1 @write")), lessonOf(t, p, infoOf(7, "m.x 1 write 0 0 0 @write")), lessonOf(t, p, infoOf(7, "m.x -1 write,blocking 1 2 1 @write"))
	alone := lessonOf(t, p, infoOf(7, "m.x -1 write,blocking 0 0 0 @write"))
	for _, tt := range []struct {
		bar    gate
		lesson any
		call   string
		want   string
	}{
		{0, one, "m.x k", "forward k"},
		{inMulti, one, "m.x k", "queue k"},
		{inMulti, waits, "m.x k l", "queue k l"},
		{inMulti, one, "m.x k l", "refuse -ERR wrong number of arguments for 'm.x' command"},
		{inMulti, none, "m.x", "refuse sole -ERR command 'm.x' has no key here that says which of the pool's servers it is for"},
		{inMulti, alone, "m.x", "refuse sole -ERR command 'm.x' has no key here that says which of the pool's servers it is for"},
		{barSubscribed, one, "m.x k", "refuse -ERR Can't execute 'm.x': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context"},
		{barSelect, one, "m.x k", "refuse -ERR an earlier SELECT was refused: this pool serves database 0 only"},
	} {
		cl := &codec.Client{Authed: true, Bar: uint16(tt.bar)}
		cmd := unknown(t, p, cl, strings.Fields(tt.call)...)
		p.Apply(cl, cmd, tt.lesson)
		spoils := tt.bar&inMulti != 0 && cmd.Kind == codec.Refuse
		if got := routes(p, cl, cmd); got != tt.want {
			t.Errorf("%s, barred by %b: %q; want %q", tt.call, tt.bar, got, tt.want)
		}
		if _, spoiled := p.Transaction(cl); spoiled != spoils {
			t.Errorf("%s, barred by %b: the transaction is spoiled: %v", tt.call, tt.bar, spoiled)
		}
		if name := p.CommandName(cmd); name != "m.x" {
			t.Errorf("it is called %q", name)
		}
	}
	cmd, s := new(codec.Command), codec.Scan{}
	for _, in := range []string{string(frameOf("m.x", "k")), "m.x k\r\n"} {
		if _, err := p.ParseCommand(new(codec.Client), &s, []byte(in), cmd); err != nil || cmd.Kind != codec.Refuse || cmd.Err != refuseNoAuth {
			t.Errorf("without a password %q is of kind %d, %q, %v", in, cmd.Kind, cmd.Err, err)
		}
	}
}

// TestUnknownNames: servers are asked about what may be a name, and not about what is HTTP.
func TestUnknownNames(t *testing.T) {
	long := strings.Repeat("x", maxAsked)
	p := New(Options{Learn: true})
	for _, tt := range []struct {
		args []string
		want string // "" if it is refused at once
	}{
		{[]string{"FT.Search", "a"}, "ft.search"},
		{[]string{long}, long},
		{[]string{long + "x"}, ""},
		{[]string{""}, ""},
		{[]string{"a b"}, ""},
		{[]string{"a|b"}, ""},
		{[]string{"a\r\n"}, ""},
		{[]string{"\xe9"}, ""},
		{[]string{"CONFIG", "New"}, "config|new"},
		{[]string{"CONFIG", "a|b"}, ""},
		{[]string{"CONFIG", ""}, ""},
		{[]string{"config|get"}, ""},
	} {
		var s codec.Scan
		cmd := new(codec.Command)
		if _, err := p.ParseCommand(new(codec.Client), &s, frameOf(tt.args...), cmd); err != nil {
			t.Fatal(err)
		}
		got := ""
		if cmd.Kind == codec.Unknown {
			got = string(p.AppendUnknown(nil, cmd))
		}
		if got != tt.want || got == "" && cmd.Kind != codec.Refuse {
			t.Errorf("%q: servers are asked about %q; want %q", tt.args, got, tt.want)
		}
	}
	for _, line := range []string{"OPTIONS / HTTP/1.1\r\n", "PROPFIND /x\r\n"} {
		var s codec.Scan
		if _, err := p.ParseCommand(new(codec.Client), &s, []byte(line), new(codec.Command)); err == nil {
			t.Errorf("%q is taken for a command", line)
		}
	}
	if ask := string(p.AppendAsk(nil, "ft.search")); ask != string(frameOf("COMMAND", "INFO", "ft.search")) {
		t.Errorf("servers are asked %q", ask)
	}
}

// TestLearnedContainer: a container that was looked up has subcommands, each with keys of its own.
func TestLearnedContainer(t *testing.T) {
	sub := func(about string) string { return strings.TrimPrefix(infoOf(7, about), "*1\r\n") }
	info := infoOf(7, "m.box -2 - 0 0 0 -")
	info = strings.TrimSuffix(info, "*0\r\n") + "*3\r\n" + sub("m.box|one 3 readonly 2 2 1 @read") + sub("m.box|hear 3 pubsub 2 2 1 @pubsub") + sub("m.box|do -2 admin 0 0 0 -")
	p := New(Options{Learn: true})
	lesson := lessonOf(t, p, info)
	for call, want := range map[string]string{
		"m.box ONE k":                      "forward k",
		"m.box one k l":                    "forward k",
		"m.box hear k":                     "refuse -ERR command 'm.box|hear' is not supported by this proxy: it is about subscriptions",
		"m.box do":                         "refuse -NOPERM command 'm.box|do' is not allowed by the pool's 'commands'",
		"M.Box nosuch k":                   "refuse sole -ERR unknown subcommand 'nosuch'. Try M.BOX HELP.",
		"m.box":                            "refuse sole -ERR wrong number of arguments for 'm.box' command",
		"m.box " + strings.Repeat("x", 99): "refuse sole -ERR unknown subcommand '" + strings.Repeat("x", 99) + "'. Try M.BOX HELP.",
	} {
		cl := new(codec.Client)
		cmd := unknown(t, p, cl, strings.Fields(call)...)
		if p.Apply(cl, cmd, lesson); routes(p, cl, cmd) != want {
			t.Errorf("%s: %q; want %q", call, routes(p, cl, cmd), want)
		}
	}
	// A new subcommand of a container of the table: with a key, and unknown to the servers.
	cl := new(codec.Client)
	cmd := unknown(t, p, cl, "xinfo", "next", "k")
	if p.Apply(cl, cmd, lessonOf(t, p, infoOf(7, "xinfo|next 3 readonly 2 2 1 @read"))); routes(p, cl, cmd) != "forward k" || cmd.Op != opLearned+1 {
		t.Errorf("XINFO NEXT: %q, op %d", routes(p, cl, cmd), cmd.Op)
	}
	for call, want := range map[string]string{
		"xinfo next k":  "forward k", // the server of its key says that it does not have it
		"config next k": "refuse sole -ERR unknown subcommand 'next'. Try CONFIG HELP.",
	} {
		cmd, lesson := unknown(t, p, cl, strings.Fields(call)...), &missing{allowed: true}
		if p.Apply(cl, cmd, lesson); routes(p, cl, cmd) != want {
			t.Errorf("%s: %q; want %q", call, routes(p, cl, cmd), want)
		}
	}
}

// TestPermits: rules judge commands that are not in the table by name and category, the later one wins.
func TestPermits(t *testing.T) {
	for _, tt := range []struct {
		rules, name, of string
		want            bool
	}{
		{"+@all", "m.x", "", true},
		{"-@all +get", "m.x", "", false},
		{"-@all +m.x", "m.x", "", true},
		{"+@all -M.X", "m.x", "", false},
		{"-@all +m.x -@dangerous", "m.x", "dangerous", false},
		{"+@all -@dangerous +m.x", "m.x", "dangerous", true},
		{"+@read", "m.x", "read", true},
		{"+@read", "m.x", "write", false},
		{"nocommands +m.box", "m.box|one", "", true},
		{"allcommands -m.box|one", "m.box|one", "", false},
		{"allcommands -m.box|one", "m.box|two", "", true},
		{"+@search", "m.x", "search", true},
		{DefaultCommands, "m.x", "", true},
		{DefaultCommands, "config|new", "dangerous,admin", false},
		{DefaultCommands, "cluster|new", "dangerous,admin", true},
	} {
		p := New(Options{Commands: tt.rules})
		if got := p.permits(tt.name, strings.Split(tt.of, ",")); got != tt.want {
			t.Errorf("%q allows %s of %q: %v", tt.rules, tt.name, tt.of, got)
		}
	}
	if wrong := CheckRules("+ft.search -ft.config|set +get|x -json.get|x +nosuch"); len(wrong) != 3 || !slices.ContainsFunc(wrong, func(e *RuleError) bool { return e.Rule == "+nosuch" }) {
		t.Errorf("wrong rules: %v", wrong)
	}
}

// FuzzLearn: whatever a server says of a command, and whatever a client sends then, nothing breaks: keys are arguments of the call.
func FuzzLearn(f *testing.F) {
	for _, s := range []string{
		infoOf(5, "m.x -2 readonly,fast 1 -1 2"), infoOf(7, "m.x -2 write,blocking 1 1 1 @write", specOf("RO", "index 1", "keynum 0 1 1"), specOf("OW", "keyword STORE -2", "range 0 1 0")),
		infoOf(7, "m.x -2 readonly,movablekeys 0 0 0 @read", specOf("RO", "keyword STREAMS 1", "range -1 1 2")), "*1\r\n*-1\r\n", "|1\r\n+a\r\n:1\r\n*1\r\n_\r\n", "-ERR no\r\n",
	} {
		f.Add(s, "m.x 2 k l store d streams a b 1 2")
	}
	p := New(Options{Learn: true, Commands: "+@all"})
	f.Fuzz(func(t *testing.T, reply, call string) {
		args := strings.Fields("m.x " + call)
		if reply == "" || len(args) > 1000 {
			return
		}
		lesson, known, said := p.Learn("m.x", []byte(reply))
		if lesson == nil || known && !said {
			t.Fatalf("Learn(%q) = %v, %v, %v", reply, lesson, known, said)
		}
		for _, bar := range []gate{0, inMulti} {
			cl := &codec.Client{Bar: uint16(bar)}
			cmd := unknown(t, p, cl, args...)
			p.Apply(cl, cmd, lesson)
			for _, k := range keysOf(cmd) {
				if !slices.Contains(args, k) {
					t.Fatalf("%q: key %q is no argument", args, k)
				}
			}
			if cmd.Kind == codec.Unknown || (cmd.Kind == codec.Forward || cmd.Kind == codec.Lease) && cmd.Key == nil {
				t.Fatalf("%q: kind %d, key %q", args, cmd.Kind, cmd.Key)
			}
		}
	})
}

// keysOf are the keys of a command.
func keysOf(cmd *codec.Command) (keys []string) {
	for i := range cmd.Keys {
		keys = append(keys, string(cmd.KeyAt(i)))
	}
	if cmd.Key != nil {
		keys = append(keys, string(cmd.Key))
	}
	return keys
}
