package resp

import (
	"strings"
	"testing"

	"cashew/codec"
	"cashew/codec/verdict"
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
		{"-OOM command not allowed when used memory > 'maxmemory'.\r\n", false, false},
		{"-BUSY Redis is busy running a script.\r\n", false, false},
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
		if got := p.Judge(RESP2, 0, []byte(c.reply)); (got == verdict.Ailing) != c.ailing {
			t.Errorf("Judge(%q) = %v; want ailing %v", c.reply, got, c.ailing)
		}
	}
}

func TestJudgeCanary(t *testing.T) {
	p := New(Options{})
	_, want := p.Canary(RESP2, "token")
	for reply, proof := range map[string]verdict.Proof{
		"$5\r\ntoken\r\n": verdict.InStep,
		"$5\r\nother\r\n": verdict.OutOfStep,
		"+OK\r\n":         verdict.OutOfStep,
		"-NOPERM this user has no permissions to run the 'echo' command or its subcommand\r\n":        verdict.InStep,
		"-NOPERM User default has no permissions to run the 'echo' command\r\n":                       verdict.InStep,
		"-NOPERM app has no ACL permissions\r\n":                                                      verdict.InStep,
		"-NOPERM\r\n":                                                                                 verdict.InStep,
		"-ERR unknown command 'ECHO', with args beginning with: 'token' \r\n":                         verdict.InStep,
		"-ERR unknown command `ECHO`, with args beginning with: `token`, \r\n":                        verdict.InStep,
		"-ERR unknown command\r\n":                                                                    verdict.InStep,
		"-ERR Command ECHO not allowed\r\n":                                                           verdict.InStep,
		"-ERR Unknown or disabled command 'ECHO'\r\n":                                                 verdict.InStep,
		"-ERR no such key\r\n":                                                                        verdict.OutOfStep,
		"-WRONGTYPE Operation against a key holding the wrong kind of value\r\n":                      verdict.OutOfStep,
		"-NOAUTH Authentication required.\r\n":                                                        verdict.Unproved,
		"-LOADING Redis is loading the dataset in memory\r\n":                                         verdict.Unproved,
		"-BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.\r\n": verdict.Unproved,
	} {
		if got := p.JudgeCanary(want, []byte(reply)); got != proof {
			t.Errorf("JudgeCanary(%q) = %v; want %v", reply, got, proof)
		}
	}
}

func TestJudge(t *testing.T) {
	p := New(Options{})
	for _, c := range []struct {
		command, reply string
		want           verdict.Verdict
		three          verdict.Verdict // on a connection of RESP3
	}{
		{"get", "$1\r\na\r\n", verdict.Fine, verdict.Fine},
		{"get", "$", verdict.Fine, verdict.Fine},
		{"get", "_\r\n", verdict.Unfit, verdict.Fine},
		{"get", "-WRONGTYPE Operation\r\n", verdict.Fine, verdict.Fine},
		{"get", "-LOADING Redis\r\n", verdict.Ailing, verdict.Ailing},
		{"eval", "-LOADING said a script\r\n", verdict.Fine, verdict.Fine},
		{"fcall_ro", "-MASTERDOWN said a function\r\n", verdict.Fine, verdict.Fine},
		{"get", "-BUSY Redis is busy\r\n", verdict.Busy, verdict.Busy},
		{"get", "-OOM command not allowed\r\n", verdict.Busy, verdict.Busy},
		{"set", "-READONLY You can't write against a read only replica.\r\n", verdict.Demoted, verdict.Demoted},
		{"get", "-ERR Protocol error: invalid bulk length\r\n", verdict.Last, verdict.Last},
		{"get", ":1\r\n", verdict.Unfit, verdict.Unfit},
		{"get", "+OK\r\n", verdict.Unfit, verdict.Unfit},
		{"get", "!3\r\nERR\r\n", verdict.Fine, verdict.Fine},
		{"set", "+OK\r\n", verdict.Fine, verdict.Fine},
		{"set", "$-1\r\n", verdict.Fine, verdict.Fine},
		{"set", ":1\r\n", verdict.Unfit, verdict.Unfit},
		{"incr", ":1\r\n", verdict.Fine, verdict.Fine},
		{"incr", "$1\r\n1\r\n", verdict.Unfit, verdict.Unfit},
		{"mget", "*1\r\n", verdict.Fine, verdict.Fine},
		{"mget", "|1\r\n", verdict.Fine, verdict.Fine},
		{"mget", ">2\r\n", verdict.Push, verdict.Push},
		{"eval", "*1\r\n", verdict.Fine, verdict.Fine},
		{"eval", ">2\r\n", verdict.Push, verdict.Push},
		{"hgetall", "*0\r\n", verdict.Fine, verdict.Unfit},
		{"hgetall", "%0\r\n", verdict.Unfit, verdict.Fine},
		{"smembers", "~0\r\n", verdict.Unfit, verdict.Fine},
	} {
		for pr, want := range []verdict.Verdict{c.want, c.three} {
			if got := p.Judge(codec.Profile(pr), mustOp(c.command), []byte(c.reply)); got != want {
				t.Errorf("Judge(%d, %s, %q) = %v; want %v", pr, c.command, c.reply, got, want)
			}
		}
	}
}

func TestAppendMiss(t *testing.T) {
	p := New(Options{})
	for _, c := range []struct {
		command string
		keys    int
		want    string // "": none
		three   string // in RESP3
	}{
		{"get", 1, "$-1\r\n", "_\r\n"},
		{"mget", 3, "*3\r\n$-1\r\n$-1\r\n$-1\r\n", "*3\r\n_\r\n_\r\n_\r\n"},
		{"exists", 2, ":0\r\n", ":0\r\n"},
		{"hgetall", 1, "*0\r\n", "%0\r\n"},
		{"smembers", 1, "*0\r\n", "~0\r\n"},
		{"set", 1, "", ""},
		{"del", 2, "", ""},
		{"incr", 1, "", ""},
		{"eval", 1, "", ""},
	} {
		for pr, want := range []string{c.want, c.three} {
			got, ok := p.AppendMiss([]byte("x"), codec.Profile(pr), 0, mustOp(c.command), c.keys)
			if string(got) != "x"+want || ok != (want != "") {
				t.Errorf("AppendMiss(%d, %s, %d) = %q, %v; want %q", pr, c.command, c.keys, got, ok, "x"+want)
			}
		}
	}
	for op := range commands { // what is answered as a miss must be a read
		if _, ok := p.AppendMiss(nil, RESP2, 0, uint16(op), 1); ok && !strings.Contains(commands[op].flags, "r") {
			t.Errorf("%s is answered as a miss but writes", commands[op].name)
		}
	}
}
