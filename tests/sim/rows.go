package sim

import (
	"slices"
	"strings"
)

// row is a command that goes to servers.
type row struct {
	name     string   // of a subcommand: container|name
	words    []string // of the name
	capitals []string
	forms    [][]string
	shape    string         // the kinds of reply that it may have
	do       func(*request) // nil: see request.other
	script   bool
}

// rows are all of them, in the tables' order; rowsByName finds one.
var rows, rowsByName = parseRows()

// containers have subcommands.
var containers = map[string]bool{}

func parseRows() (list []*row, byName map[string]*row) {
	byName = make(map[string]*row)
	add := func(line string) {
		words := strings.Fields(line)
		name, args, shape := words[0], words[1:len(words)-1], words[len(words)-1]
		r := byName[name]
		if r == nil {
			r = &row{name: name, words: strings.Split(name, "|"), capitals: strings.Split(strings.ToUpper(name), "|"), do: modelled[name], shape: shape}
			r.script = strings.HasPrefix(name, "eval") || strings.HasPrefix(name, "fcall")
			byName[name] = r
			list = append(list, r)
		}
		if container, _, sub := strings.Cut(name, "|"); sub {
			containers[container] = true
		}
		r.forms = append(r.forms, args)
	}
	for line := range strings.Lines(strings.TrimSpace(forwarded)) {
		add(line)
	}
	for line := range strings.Lines(strings.TrimSpace(modules)) {
		add(line + " ?")
	}
	for _, line := range learnableRows {
		add(line)
	}
	// The model's own requests of the proxy, and those that it passes on from a pool of one server.
	for line := range strings.Lines(strings.TrimSpace(questions)) {
		command, kinds, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " | ")
		name := strings.Fields(command)[0]
		byName[name] = &row{name: name, shape: kinds[:1]}
		if container, _, sub := strings.Cut(name, "|"); sub {
			containers[container] = true
		}
	}
	for _, name := range []string{"load", "exists", "flush"} { // see evalsha.go
		byName["script|"+name] = &row{name: "script|" + name}
	}
	containers["script"] = true
	return list, byName
}

// rowOf is the row of a command as it came; nil: no client sends it.
func rowOf(args [][]byte) *row {
	var room [64]byte
	name := lowered(room[:0], args[0])
	if containers[string(name)] && len(args) > 1 {
		name = lowered(append(name, '|'), args[1])
	}
	return rowsByName[string(name)]
}

func lowered(dst, p []byte) []byte {
	for _, c := range p {
		if 'A' <= c && c <= 'Z' {
			c |= 0x20
		}
		dst = append(dst, c)
	}
	return dst
}

// rowsOfMany are the rows of commands that take any number of keys.
var rowsOfMany = []*row{rowsByName["mget"], rowsByName["mget"], rowsByName["mset"], rowsByName["del"], rowsByName["exists"], rowsByName["touch"], rowsByName["unlink"]}

// rowsFor are the rows of commands that a kind of key is for, from which clients choose most of the time.
var rowsFor = func() map[byte][]*row {
	m := make(map[byte][]*row)
	for kind, names := range map[byte]string{
		aString: "append decr decrby get getdel getset incr incrby set setex psetex setnx strlen mget mset del exists touch unlink type",
		aHash:   "hset hset hset hget hdel hgetall hmget hlen hexists",
		aList:   "rpush lpush rpop lpop lpop llen lrange lrange",
		aSet:    "sadd sadd sismember scard smembers srem",
		aZset:   "zadd zadd zscore zcard zrem",
	} {
		for _, name := range strings.Fields(names) {
			m[kind] = append(m[kind], rowsByName[name])
		}
	}
	return m
}()

// has says that a reply of that kind fits the row.
func (r *row) has(kind byte) bool {
	if r.shape == "?" || kind == '-' || kind == '!' {
		return true
	}
	if kind == '_' {
		return strings.Contains(r.shape, "$")
	}
	if kind == '*' {
		return strings.ContainsAny(r.shape, "*%~")
	}
	return slices.Contains([]byte(r.shape), kind)
}
