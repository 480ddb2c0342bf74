package resp

import (
	"slices"
	"strings"
	"testing"

	"cashew/codec"
	"cashew/codec/codectest"
)

// Where a command has other categories than redis-server 7.0 tells, and why.
var otherCategories = map[string]string{
	"wait": "blocking since 7.2",
}

// TestCategoriesAgainstRedis compares the categories of every row that the server knows with its ACL CAT.
func TestCategoriesAgainstRedis(t *testing.T) {
	c := dialRedis(t, redisServer(t))
	theirs := make(map[string][]string) // by command
	for _, name := range decode(t, c.ask(frameOf("ACL", "CAT"))).([]any) {
		if category(name.(string)) == 0 {
			t.Errorf("category %s is not known", name)
		}
		for _, command := range decode(t, c.ask(frameOf("ACL", "CAT", name.(string)))).([]any) {
			theirs[command.(string)] = append(theirs[command.(string)], name.(string))
		}
	}
	compared := 0
	for op := 1; op < len(commands); op++ {
		row := &commands[op]
		want, known := theirs[row.name]
		if !known || otherCategories[row.name] != "" {
			continue
		}
		compared++
		var got []string
		for i, name := range categoryNames {
			if row.categories&(1<<i) != 0 {
				got = append(got, name)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s has the categories %v; the server says %v", row.name, got, want)
		}
	}
	if compared < 300 {
		t.Errorf("%d commands compared", compared)
	}
}

// TestRulesAgainstRedis gives a user of the server the same rules, and asks it of each command whether that user may run it.
func TestRulesAgainstRedis(t *testing.T) {
	c := dialRedis(t, redisServer(t))
	known := make(map[string]int64) // arities
	var learn func(info []any)
	learn = func(info []any) {
		known[info[0].(string)] = info[1].(int64)
		for _, sub := range info[9].([]any) {
			learn(sub.([]any))
		}
	}
	for _, info := range decode(t, c.ask(frameOf("COMMAND"))).([]any) {
		learn(info.([]any))
	}
	for _, rules := range []string{
		DefaultCommands, "+@all", "-@all", "nocommands", "allcommands -get", "+@all -@dangerous", "+get +SET -get", "+@read -@fast", "-get +get",
		"+client|kill", "+client -client|kill", "+client|kill -client", "-client|kill +@all", "+@all -@all", "+@slow", "+@all -@slow +@connection",
		"+@write -@keyspace +object|help", "+config -config|set +@admin", "+xinfo|stream +@scripting", "+eval -@scripting",
	} {
		if said := c.ask(frameOf("ACL", "SETUSER", "u", "reset", "on")); said != "+OK\r\n" {
			t.Fatalf("ACL SETUSER: %q", said)
		}
		user := []string{"ACL", "SETUSER", "u", "allkeys", "allchannels", "nocommands"}
		if said := c.ask(frameOf(append(user, strings.Fields(rules)...)...)); said != "+OK\r\n" {
			t.Fatalf("ACL SETUSER with %s: %q", rules, said)
		}
		ours, wrong := parseRules(rules)
		if len(wrong) > 0 {
			t.Fatal(wrong[0])
		}
		compared := 0
		for op := 1; op < len(commands); op++ {
			name := commands[op].name
			arity, ok := known[name]
			if !ok || commands[op].kind == container || wholes[name] != nil {
				continue
			}
			compared++
			args := append([]string{"ACL", "DRYRUN", "u"}, strings.Split(name, "|")...)
			for len(args)-3 < int(max(arity, -arity)) {
				args = append(args, "1")
			}
			said := c.ask(frameOf(args...))
			if allowed := said == "+OK\r\n"; allowed != ours[op] {
				t.Errorf("with %s, %s is allowed: %v; the server says %q", rules, name, ours[op], said)
			}
		}
		if compared < 300 {
			t.Errorf("%d commands compared", compared)
		}
	}
}

// hurts are the commands that hurt others than who sends them: the default refuses them, now or once they can be served.
var hurts = []string{
	"flushall", "flushdb", "keys", "debug", "shutdown", "swapdb", "replicaof", "slaveof", "failover", "monitor", "save", "bgsave", "bgrewriteaof", "migrate",
	"sync", "psync", "replconf", "restore-asking", "pfdebug", "pfselftest", "client|pause", "client|unpause", "config|set", "config|resetstat", "config|rewrite",
	"latency|doctor", "latency|graph", "latency|histogram", "latency|history", "latency|latest", "latency|reset", "script|kill", "script|debug", "function|flush", "function|kill", "function|restore",
}

// TestDefaultCommands: what is served is allowed unless it hurts others.
func TestDefaultCommands(t *testing.T) {
	allowed, wrong := parseRules(DefaultCommands)
	for _, e := range wrong {
		t.Error(e)
	}
	for op := 1; op < len(commands); op++ {
		c := &commands[op]
		switch hurting := slices.Contains(hurts, c.name); {
		case hurting && allowed[op]:
			t.Errorf("%s hurts others, and is allowed", c.name)
		case !hurting && !allowed[op] && c.kind != refused:
			t.Errorf("%s is served, and not allowed", c.name)
		}
	}
	for _, name := range []string{"scan", "dbsize", "randomkey", "subscribe", "publish", "blpop", "bzpopmin", "xread", "wait", "role", "time", "lastsave"} {
		if !allowed[mustOp(name)] { // not all of them are served, but an application may send them
			t.Errorf("%s is not allowed", name)
		}
	}
}

// denied is what is told of a command that the rules forbid.
func denied(name string) string {
	return "Refuse -NOPERM command '" + name + "' is not allowed by the pool's 'commands'"
}

func TestRules(t *testing.T) {
	for _, tt := range []struct {
		rules string
		in    []string
		want  string
	}{
		{"+@all", []string{"GET", "k"}, `Forward key="k"`},
		{"+@all -get", []string{"GET", "k"}, denied("get")},
		{"+@all -get", []string{"SET", "k", "v"}, `Forward key="k"`},
		{"+@all -set", []string{"SET", "k", "v", "EX", "1"}, denied("set")},
		{"+get", []string{"SET", "k", "v"}, denied("set")},
		{"+get", []string{"GET", "k"}, `Forward key="k"`},
		{"+@all -mget", []string{"MGET", "k", "l"}, denied("mget")},
		{"+@all -eval", []string{"EVAL", "x", "1", "k"}, denied("eval")},
		{"+@all -info", []string{"INFO"}, denied("info")},
		{"+@all -lolwut", []string{"LOLWUT"}, denied("lolwut")},
		{"+@all -watch", []string{"WATCH", "k"}, denied("watch")},
		{"+@all -ping", []string{"PING"}, denied("ping")},
		{"+@all -client|kill", []string{"CLIENT", "KILL", "a:1"}, denied("client|kill")},
		{"+@all -client|kill", []string{"CLIENT", "ID"}, "Local :0"},
		{"+client|id", []string{"CLIENT", "ID"}, "Local :0"},
		{"+client|id", []string{"CLIENT", "GETNAME"}, denied("client|getname")},
		{"+@all -config", []string{"CONFIG", "GET", "save"}, denied("config|get")},
		{"+@all -client|reply", []string{"CLIENT", "REPLY", "OFF"}, denied("client|reply")},

		// As with Redis, for everybody.
		{"-@all", []string{"QUIT"}, "Quit +OK"},
		{"-@all", []string{"RESET"}, "Switch +RESET"},
		{"-@all", []string{"AUTH", "x"}, "Local -ERR Client sent AUTH, but no password is set"},

		// What cannot be served is told as ever, and so is what Redis finds before.
		{"-@all", []string{"KEYS", "*"}, denied("keys")},
		{"+@all", []string{"FLUSHALL"}, "Fanout"},
		{"+@all", []string{"MONITOR"}, "Refuse -ERR command 'monitor' is not supported by this proxy"},
		{"-@all", []string{"NOSUCH"}, "Refuse -ERR unknown command 'NOSUCH', with args beginning with: "},
		{"-@all", []string{"MGET"}, "Refuse -ERR wrong number of arguments for 'mget' command"},

		// The server judges no arguments of a command that it must not get.
		{"+@all", []string{"GET", "k", "x"}, `Forward key="k"`},
		{"+@all -get", []string{"GET", "k", "x"}, "Refuse -ERR wrong number of arguments for 'get' command"},
		{"+@all", []string{"XGROUP", "NEW", "k"}, `Forward key="k"`},
		{"+@all -xgroup", []string{"XGROUP", "NEW", "k"}, "Refuse -ERR unknown subcommand 'NEW'. Try XGROUP HELP."},
		{"+@all -xgroup +xgroup|create", []string{"XGROUP", "CREATE", "k", "g", "0"}, `Forward key="k"`},
	} {
		t.Run(tt.rules+" "+strings.Join(tt.in, " "), func(t *testing.T) {
			p := New(Options{Commands: tt.rules})
			got, rest, err := codectest.Commands(p, &codec.Client{}, [][]byte{frameOf(tt.in...)})
			if len(got) != 1 || rest != "" || err != nil {
				t.Fatalf("%v, %q, %v", got, rest, err)
			}
			if said := describe(got[0]); said != tt.want {
				t.Errorf("got %s\nwant %s", said, tt.want)
			}
		})
	}
}

// TestRulesInTransaction: a forbidden command spoils it, and a forbidden EXEC ends it. Source: redis 7.0 server.c, rejectCommand.
func TestRulesInTransaction(t *testing.T) {
	for _, tt := range []struct {
		rules string
		in    string // words by spaces, commands by semicolons
		want  string // of the last
	}{
		{"+@all -incr", "MULTI;INCR k", "-NOPERM command 'incr' is not allowed by the pool's 'commands'\r\n"},
		{"+@all -incr", "MULTI;INCR k;EXEC", "-EXECABORT Transaction discarded because of previous errors.\r\n"},
		{"+@all -incr", "MULTI;INCR k;DISCARD;EXEC", "-ERR EXEC without MULTI\r\n"},
		{"+@all -exec", "MULTI;EXEC", "-EXECABORT Transaction discarded because of: NOPERM command 'exec' is not allowed by the pool's 'commands'\r\n"},
		{"+@all -exec", "MULTI;EXEC;DISCARD", "-ERR DISCARD without MULTI\r\n"},
		{"+@all -discard", "MULTI;DISCARD;EXEC", "-EXECABORT Transaction discarded because of previous errors.\r\n"},
		{"+@all -multi", "MULTI;EXEC", "-ERR EXEC without MULTI\r\n"},
		{"+@all -select", "SELECT 3;ECHO x", "$1\r\nx\r\n"},
	} {
		p, cl := New(Options{Commands: tt.rules}), &codec.Client{}
		var in [][]byte
		for command := range strings.SplitSeq(tt.in, ";") {
			in = append(in, frameOf(strings.Fields(command)...))
		}
		got, _, err := codectest.Commands(p, cl, in)
		if err != nil || len(got) != len(in) || got[len(got)-1].Reply != tt.want {
			t.Errorf("with %s, %s: %v, %v; want %q", tt.rules, tt.in, got, err, tt.want)
		}
	}
}

func TestCheckRules(t *testing.T) {
	for rules, want := range map[string]string{ // in no order
		"+@all -@dangerous +FlushDB":       "",
		"+script|load -function|flush":     "",
		"+nosuch":                          "+nosuch names no command",
		"+host:":                           "+host: names no command",
		"-@nosuch":                         "-@nosuch names no category of commands",
		"-client|nosuch":                   "-client|nosuch names no subcommand of 'client'",
		"-script|nosuch":                   "-script|nosuch names no subcommand of 'script'",
		"+client|":                         "+client| names no subcommand of 'client'",
		"-select|0":                        "-select|0 names a subcommand, and 'select' is judged as a whole",
		"+command|docs -latency|graph":     "",
		"+command|nosuch":                  "+command|nosuch names no subcommand of 'command'",
		"allkeys":                          "allkeys is not a rule for commands",
		"+":                                "+ is not a rule for commands",
		"+get|a|b":                         "+get|a|b names a subcommand, and 'get' is judged as a whole",
		"+@all +a|b -@":                    "+a|b names no command; -@ names no category of commands",
		"+" + strings.Repeat("x", 100):     "+" + strings.Repeat("x", 100) + " names no command",
		"+georadiusbymember_ro -\x00 ~* >": "-\x00 names no command; ~* is not a rule for commands; > is not a rule for commands",
	} {
		var got []string
		for _, e := range CheckRules(rules) {
			got = append(got, e.Rule+" "+e.Reason)
			if len(e.Known) == 0 {
				t.Errorf("%s: nothing is known that could stand there", e.Rule)
			}
		}
		if said := strings.Join(got, "; "); said != want {
			t.Errorf("%q: %s; want %s", rules, said, want)
		}
	}
}
