package resp

import (
	"slices"
	"strings"
)

// categories is a set of the categories that ACL CAT tells, a bit for each, in the order of categoryNames.
type categories uint32

// categoryNames are in Redis's order; those of modules stand behind. Source: redis 7.0 acl.c, ACLCommandCategories.
var categoryNames = []string{
	"keyspace", "read", "write", "set", "sortedset", "list", "hash", "string", "bitmap", "hyperloglog", "geo", "stream", "pubsub", "admin",
	"fast", "slow", "blocking", "dangerous", "connection", "transaction", "scripting",
	"json", "bloom", "cuckoo", "cms", "topk", "tdigest", "timeseries", "search",
}

// groupCategories are those that a group of the table has another name for than its own. Groups that are in neither list have none.
var groupCategories = map[string]string{"generic": "keyspace", "bf": "bloom", "cf": "cuckoo", "transactions": "transaction"}

// furtherCategories are what neither group nor flags say of a command. Source: redis 7.0.15, ACL CAT of each.
var furtherCategories = map[string][]string{
	"dangerous": {"flushall", "flushdb", "info", "keys", "migrate", "restore", "restore-asking", "sort", "sort_ro", "swapdb"},
	"admin":     {"lastsave", "role"},
	"keyspace":  {"dbsize", "flushall", "flushdb", "restore-asking", "swapdb"},
	"set":       {"sort", "sort_ro"}, "sortedset": {"sort", "sort_ro"}, "list": {"sort", "sort_ro"},
	"connection": {
		"asking", "command", "command|count", "command|docs", "command|getkeys", "command|getkeysandflags", "command|help", "command|info",
		"command|list", "readonly", "readwrite", "wait", "waitaof",
	},
}

// flagCategories are what flags say; scripts that only read are not called so.
var flagCategories = []struct {
	flag byte
	name string
}{{'w', "write"}, {'r', "read"}, {'a', "admin"}, {'p', "pubsub"}, {'b', "blocking"}, {'f', "fast"}}

// elsewhere are the commands that have the categories of furtherCategories in place of their group's.
var elsewhere = []string{"pubsub|help", "sort", "sort_ro", "wait", "waitaof"}

// category is the bit of a name, 0 if there is none.
func category(name string) categories {
	if i := slices.Index(categoryNames, name); i >= 0 {
		return 1 << i
	}
	return 0
}

// categoriesOf are c's categories; whole says that c stands for its subcommands, which have some of their own.
//
// Source: redis 7.0 acl.c, setImplicitACLCategories.
func categoriesOf(c *command, whole bool) (all categories) {
	if !whole && !slices.Contains(elsewhere, c.name) {
		group := c.groupName
		if other, ok := groupCategories[group]; ok {
			group = other
		}
		all = category(group)
	}
	for name, commands := range furtherCategories { // in no order: a bit each
		if slices.Contains(commands, c.name) {
			all |= category(name)
		}
	}
	for _, of := range flagCategories {
		if c.has(of.flag) && (of.flag != 'r' || all&category("scripting") == 0) {
			all |= category(of.name)
		}
	}
	if all&category("admin") != 0 {
		all |= category("dangerous")
	}
	if all&category("fast") == 0 {
		all |= category("slow")
	}
	return all
}

// wholes are the commands that the table has in one row although Redis has subcommands of them, with those that Redis 7.0 has. Rules
// may name these: once they have rows, the rules apply.
var wholes = map[string][]string{
	"function": {"delete", "dump", "flush", "help", "kill", "list", "load", "restore", "stats"},
	"module":   {"help", "list", "load", "loadex", "unload"},
	"pubsub":   {"channels", "help", "numpat", "numsub", "shardchannels", "shardnumsub"},
	"script":   {"debug", "exists", "flush", "help", "kill", "load"},
}

// isWhole tells whether c stands for its subcommands.
func isWhole(c *command) bool { return c.kind == container || wholes[c.name] != nil }

// subcommands are the full names of c's subcommands, those with rows and those without.
func subcommands(c *command) (list []string) {
	for i := c.firstChild; i < c.endChild; i++ {
		list = append(list, commands[i].name)
	}
	for _, sub := range wholes[c.name] {
		if name := c.name + "|" + sub; !slices.Contains(list, name) {
			list = append(list, name)
		}
	}
	return list
}

// commandNames are the names that a rule may have, but for those of subcommands.
func commandNames() (list []string) {
	for op := 1; op < len(commands); op++ {
		if c := &commands[op]; c.parent == 0 && !strings.Contains(c.name, ":") && c.kind != hangup {
			list = append(list, c.name)
		}
	}
	return list
}
