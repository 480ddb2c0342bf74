package audit

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

var at = time.Date(2026, 1, 2, 3, 4, 5, 678_900_000, time.UTC)

func logOf(kinds Kind, keys bool) *Log {
	l := new(Log)
	l.Set(&Policy{Kinds: kinds, Keys: keys})
	return l
}

// TestLines: a line has what the event has, is JSON whatever that is, and has keys only where they are asked for.
func TestLines(t *testing.T) {
	e := Event{
		At: at, Name: "command", Pool: "p", Client: "10.0.0.5:1042", ID: 7, User: "a\"\\\n\x7fé\xff", Command: "mget",
		KeysTotal: 10, Object: []byte("o"), Sample: 3, Count: 2, Result: strings.Repeat("x", 2000),
	}
	e.Keys[0], e.Keys[7] = []byte("k\xc3"), []byte(strings.Repeat("é", 200))
	for _, keys := range []bool{true, false} {
		l := logOf(Commands, keys)
		l.Record(Commands, &e)
		l.Record(Logins, &e)
		line := string(l.Take(nil, at))
		var got map[string]any
		if err := json.Unmarshal([]byte(line), &got); err != nil || strings.Count(line, "\n") != 1 {
			t.Fatalf("%q: %v", line, err)
		}
		for name, want := range map[string]any{
			"time": "2026-01-02T03:04:05.678Z", "event": "command", "pool": "p", "client": "10.0.0.5:1042", "id": 7.0,
			"user": "a\"\\\n\x7fé\ufffd", "command": "mget", "keys_total": 10.0, "sample": 3.0, "count": 2.0, "result": strings.Repeat("x", 1024) + "…",
		} {
			if got[name] != want {
				t.Errorf("%s = %v; want %v", name, got[name], want)
			}
		}
		list, _ := got["keys"].([]any)
		if keys != (len(list) == MaxKeys) || keys != (got["object"] == "o") {
			t.Errorf("keys %t: %s", keys, line)
		}
		if keys && (list[0] != "k\ufffd" || list[7] != strings.Repeat("é", 64)+"…") {
			t.Errorf("keys: %v", list)
		}
	}
}

// TestFull: a log that nobody empties is bounded, counts what it lacks, and says so once there is room.
func TestFull(t *testing.T) {
	l, woken := logOf(Logins, false), 0
	l.Wakes(func() { woken++ })
	e := Event{At: at, Name: "login", Result: strings.Repeat("x", 900)}
	for range 2 * MaxPending / 900 {
		l.Record(Logins, &e)
	}
	recorded, dropped := l.Counts()
	if recorded+dropped != 2*MaxPending/900 || dropped < recorded/2 || woken != 1 {
		t.Fatalf("%d recorded, %d dropped, woken %d times", recorded, dropped, woken)
	}
	lines := l.Take(nil, at)
	if n := int64(strings.Count(string(lines), "\n")); n != recorded+1 || len(lines) > MaxPending+100 || !strings.Contains(string(lines), `"event":"lost","count":`) {
		t.Errorf("%d lines of %d bytes; want %d", n, len(lines), recorded+1)
	}
	l.Lose(2)
	if got := string(l.Take(lines, at)); got != `{"time":"2026-01-02T03:04:05.678Z","event":"lost","count":2}`+"\n" {
		t.Errorf("lost afterwards: %q", got)
	}
	if got := l.Take(nil, at); len(got) != 0 {
		t.Errorf("nothing happened: %q", got)
	}
}

// TestAllocs: neither an event that is kept nor one that is not costs memory of its own.
func TestAllocs(t *testing.T) {
	off, on := new(Log), logOf(Commands, true)
	key := []byte("key")
	buf := make([]byte, 0, MaxPending+200)
	on.Take(buf, at)
	for _, l := range []*Log{nil, off, on} {
		if n := testing.AllocsPerRun(100, func() {
			e := Event{At: at, Name: "command", User: "u", Command: "get", KeysTotal: 1}
			e.Keys[0] = key
			l.Record(Commands, &e)
		}); n != 0 {
			t.Errorf("%v allocations", n)
		}
	}
}
