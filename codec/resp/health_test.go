package resp

import (
	"strings"
	"testing"

	"cashew/codec"
)

func TestHealth(t *testing.T) {
	p := New(Options{})
	for _, c := range []struct {
		reply        string
		well, ailing bool
	}{
		{"+PONG\r\n", true, false},
		{"$4\r\nPONG\r\n", false, false},
		{"-LOADING Redis is loading the dataset in memory\r\n", false, true},
		{"-MASTERDOWN Link with MASTER is down\r\n", false, true},
		{"-OOM command not allowed when used memory > 'maxmemory'.\r\n", false, true},
		{"-BUSY Redis is busy running a script.\r\n", false, true},
		{"-BUSYKEY Target key name already exists.\r\n", false, false},
		{"-BUSYGROUP Consumer Group name already exists\r\n", false, false},
		{"-NOAUTH Authentication required.\r\n", false, false},
		{"-ERR\r\n", false, false},
		{"-", false, false},
		{"", false, false},
	} {
		if err := p.CheckProbe([]byte(c.reply)); (err == nil) != c.well {
			t.Errorf("CheckProbe(%q) = %v; want an error: %v", c.reply, err, !c.well)
		}
		if c.reply == "" {
			continue
		}
		if got := p.Judge(0, []byte(c.reply)); (got == codec.Ailing) != c.ailing {
			t.Errorf("Judge(%q) = %v; want ailing %v", c.reply, got, c.ailing)
		}
	}
}

func TestJudge(t *testing.T) {
	p := New(Options{})
	for _, c := range []struct {
		command, reply string
		want           codec.Verdict
	}{
		{"get", "$1\r\na\r\n", codec.Fine},
		{"get", "$", codec.Fine},
		{"get", "_\r\n", codec.Fine},
		{"get", "-WRONGTYPE Operation\r\n", codec.Fine},
		{"get", "-LOADING Redis\r\n", codec.Ailing},
		{"get", ":1\r\n", codec.Unfit},
		{"get", "+OK\r\n", codec.Unfit},
		{"set", "+OK\r\n", codec.Fine},
		{"set", "$-1\r\n", codec.Fine},
		{"set", ":1\r\n", codec.Unfit},
		{"incr", ":1\r\n", codec.Fine},
		{"incr", "$1\r\n1\r\n", codec.Unfit},
		{"mget", "*1\r\n", codec.Fine},
		{"mget", "|1\r\n", codec.Fine},
		{"eval", "*1\r\n", codec.Fine},
	} {
		if got := p.Judge(mustOp(c.command), []byte(c.reply)); got != c.want {
			t.Errorf("Judge(%s, %q) = %v; want %v", c.command, c.reply, got, c.want)
		}
	}
}

func TestAppendMiss(t *testing.T) {
	p := New(Options{})
	for _, c := range []struct {
		command string
		keys    int
		want    string // "": none
	}{
		{"get", 1, "$-1\r\n"},
		{"mget", 3, "*3\r\n$-1\r\n$-1\r\n$-1\r\n"},
		{"exists", 2, ":0\r\n"},
		{"hgetall", 1, "*0\r\n"},
		{"set", 1, ""},
		{"del", 2, ""},
		{"incr", 1, ""},
		{"eval", 1, ""},
	} {
		got, ok := p.AppendMiss([]byte("x"), mustOp(c.command), c.keys)
		if string(got) != "x"+c.want || ok != (c.want != "") {
			t.Errorf("AppendMiss(%s, %d) = %q, %v; want %q", c.command, c.keys, got, ok, "x"+c.want)
		}
	}
	for op := range commands { // what is answered as a miss must be a read
		if _, ok := p.AppendMiss(nil, uint16(op), 1); ok && !strings.Contains(commands[op].flags, "r") {
			t.Errorf("%s is answered as a miss but writes", commands[op].name)
		}
	}
}
