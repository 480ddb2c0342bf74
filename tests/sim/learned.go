package sim

import (
	"fmt"
	"strings"
)

// Commands that the proxy's table does not have, and that servers tell it of. A line is what COMMAND INFO says: the arity, the flag, the
// first key, the last and the step, or in place of these three a key spec, "at number" with the keys behind it or "behind WORD" with the
// first half of all; behind a bar a call, as in table.go.
const learnable = `
-2 readonly 1 1 1 | next.one k v
3 write 1 2 1 | next.two k k
-4 write 1 -2 1 | next.last k k i
-3 readonly 1 -1 2 | next.pairs k v k v
-4 readonly at 1 | next.count 2 k k v
-4 readonly behind streams | next.behind count i streams k k i i
-2 blocking 1 1 1 | next.wait k i
3 readonly 2 2 1 | xinfo|next k
`

// unknown is what servers answer to a command that they do not know either, of those in refusals.go.
var unknown = map[string]func(args [][]byte) string{
	"nosuch": func(args [][]byte) string {
		return fmt.Sprintf("-ERR unknown command 'nosuch', with args beginning with: '%s' 'b' \r\n", args[1])
	},
	"client": func([][]byte) string { return "-ERR unknown subcommand 'nosuch'. Try CLIENT HELP.\r\n" },
}

// learnableRows are the calls, and infos what COMMAND INFO says of each name.
var learnableRows, infos = func() (calls []string, infos map[string]string) {
	infos = make(map[string]string)
	for line := range strings.Lines(strings.TrimSpace(learnable)) {
		says, call, _ := strings.Cut(strings.TrimSpace(line), " | ")
		name, _, _ := strings.Cut(call, " ")
		infos[name] = infoOf(name, strings.Fields(says))
		calls = append(calls, call+" ?")
	}
	return calls, infos
}()

// infoOf is the reply of a server to COMMAND INFO, in RESP2, which is as good in RESP3.
func infoOf(name string, says []string) string {
	bulk := func(s string) string { return string(appendBulk(nil, []byte(s))) }
	fields := func(pairs ...string) string {
		s := fmt.Sprintf("*%d\r\n", len(pairs))
		for i, p := range pairs {
			if i%2 == 1 && (p[0] == '-' || p[0] >= '0' && p[0] <= '9') {
				s += ":" + p + "\r\n"
			} else {
				s += bulk(p)
			}
		}
		return s
	}
	part := func(kind string, spec string) string {
		return "*4\r\n" + bulk("type") + bulk(kind) + bulk("spec") + spec
	}
	places, flags, spec := says[2:], "*1\r\n+"+says[1]+"\r\n", ""
	switch places[0] {
	case "at":
		spec = bulk("begin_search") + part("index", fields("index", places[1])) + bulk("find_keys") + part("keynum", fields("keynumidx", "0", "firstkey", "1", "keystep", "1"))
	case "behind":
		spec = bulk("begin_search") + part("keyword", fields("keyword", places[1], "startfrom", "1")) + bulk("find_keys") + part("range", fields("lastkey", "-1", "keystep", "1", "limit", "2"))
	}
	specs := "*0\r\n"
	if spec != "" {
		flags, places = "*2\r\n+"+says[1]+"\r\n+movablekeys\r\n", []string{"0", "0", "0"}
		specs = "*1\r\n*6\r\n" + bulk("flags") + "*1\r\n+RO\r\n" + spec
	}
	return fmt.Sprintf("*1\r\n*10\r\n%s:%s\r\n%s:%s\r\n:%s\r\n:%s\r\n*1\r\n+@slow\r\n*0\r\n%s*0\r\n", bulk(name), says[0], flags, places[0], places[1], places[2], specs)
}

// tells answers what a server that loads its data answers as well: what it knows of a command, and that it does not know one.
func (c *session) tells(x *request) bool {
	if len(x.args) == 3 && string(x.args[0]) == "COMMAND" && string(x.args[1]) == "INFO" {
		info, ok := infos[string(x.args[2])]
		if !ok {
			info = "*1\r\n*-1\r\n"
		}
		c.out = append(c.out, info...)
		return true
	}
	name := strings.ToLower(string(x.args[0]))
	says := unknown[name]
	if name == "client" && strings.ToLower(string(x.args[1])) != "nosuch" {
		return false
	}
	if says != nil {
		c.out = append(c.out, says(x.args)...)
	}
	return says != nil
}
