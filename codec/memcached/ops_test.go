package memcached

import (
	"testing"

	"cashew/codec"
)

// TestOps: each command is counted, logged and gathered as what it is; subcommands of stats are told apart.
func TestOps(t *testing.T) {
	p := New(Options{Admin: true})
	for line, want := range map[string]int{
		"get a": opGet, "gets a": opGets, "gat 1 a": opGat, "gats 1 a": opGats, "get a b": opGet, "get": opGet,
		"set a 0 0 0\r\n": opSet, "cas a 0 0 0 1\r\n": opCas, "append a 0 0 0 noreply\r\n": opAppend,
		"incr a 1": opIncr, "touch a 1": opTouch, "delete a": opDelete,
		"mg a v": opMetaGet, "ms a 0\r\n": opMetaSet, "md a": opMetaDelete, "ma a": opMetaArithmetic, "me a": opMetaDebug, "mn": opMetaNoop,
		"version": opVersion, "verbosity 1": opVerbosity, "flush_all": opFlushAll, "quit": opQuit, "slabs reassign 1 2": opSlabs,
		"stats": opStats, "stats settings": opStatsSettings, "stats conns": opStatsConns, "stats items": opStatsOther,
		"stats settings more": opStatsSettings, "stats sizes": opStatsOther,
	} {
		var (
			s   codec.Scan
			cl  codec.Client
			cmd codec.Command
		)
		in := []byte(line + "\r\n")
		if n, err := p.ParseCommand(&cl, &s, in, &cmd); n != len(in) || err != nil || int(cmd.Op) != want {
			name, _ := p.Describe(cmd.Op)
			t.Errorf("%q: %s, %d of %d bytes, %v", line, name, n, len(in), err)
		}
	}
}

// TestTooManyWords: a line of more words than any command has is answered in spite of a noreply at its end, as by memcached.
func TestTooManyWords(t *testing.T) {
	p := New(Options{})
	for line, want := range map[string]codec.Kind{
		"lru a b c noreply\r\n":   codec.Ignore,
		"lru a b c d noreply\r\n": codec.Refuse,
		"slabs a b c noreply\r\n": codec.Ignore, "slabs a b c d noreply\r\n": codec.Refuse,
	} {
		var (
			s   codec.Scan
			cl  codec.Client
			cmd codec.Command
		)
		if n, err := p.ParseCommand(&cl, &s, []byte(line), &cmd); n != len(line) || err != nil || cmd.Kind != want {
			t.Errorf("%q: kind %d, %v; want %d", line, cmd.Kind, err, want)
		}
	}
}
