package audit

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync/atomic"
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

// TestFull: a log that nobody empties is bounded, counts what it lacks, and says so once there is room; and again, where what said so was
// lost as well.
func TestFull(t *testing.T) {
	l, woken := logOf(Logins, false), 0
	l.Wakes(func() { woken++ })
	e := Event{At: at, Name: "login", Result: strings.Repeat("x", 900)}
	for range 2 * MaxPending / 900 {
		l.Record(Logins, &e)
	}
	recorded, _, dropped := l.Counts()
	if recorded+dropped != 2*MaxPending/900 || dropped < recorded/2 || woken != 1 {
		t.Fatalf("%d recorded, %d dropped, woken %d times", recorded, dropped, woken)
	}
	lines := l.Take(nil, at)
	if n := int64(strings.Count(string(lines), "\n")); n != recorded+1 || len(lines) > MaxPending+100 || !strings.Contains(string(lines), `"event":"lost","count":`) {
		t.Errorf("%d lines of %d bytes; want %d", n, len(lines), recorded+1)
	}
	l.Lose(lines)
	for range 3 { // what tells of them is lost, too, twice
		want := fmt.Sprintf(`{"time":"2026-01-02T03:04:05.678Z","event":"lost","count":%d}`+"\n", recorded+dropped)
		got := l.Take(nil, at)
		if string(got) != want {
			t.Errorf("lost afterwards: %q; want %q", got, want)
		}
		l.Lose(got)
	}
	l.Take(nil, at)
	if got := l.Take(nil, at); len(got) != 0 {
		t.Errorf("nothing happened: %q", got)
	}
	if _, _, n := l.Counts(); n != recorded+dropped {
		t.Errorf("%d dropped; want %d", n, recorded+dropped)
	}
}

// TestLoseCounts: a line that is lost counts as what it stands for, whatever its texts look like.
func TestLoseCounts(t *testing.T) {
	for line, want := range map[string]int64{
		`{"event":"refused","times":7}`:                            7,
		`{"event":"admin","command":"client|kill","count":7}`:      1,
		`{"event":"login","user":"\",\"times\":7}"}`:               1,
		`{"event":"login","user":",\"event\":\"lost\"","count":7}`: 1,
		`{"time":"x","event":"lost","count":7}`:                    0,
	} {
		l := logOf(Logins, false)
		l.Lose([]byte(line + "\n"))
		if _, _, n := l.Counts(); n != want {
			t.Errorf("%s counts as %d; want %d", line, n, want)
		}
	}
}

// flooded is what becomes of the events that make has, of a second each from at on: how many lines a second, and all of them.
func flooded(t *testing.T, seconds, each int, make func(i int) Event) (most int, lines []map[string]any) {
	t.Helper()
	l := logOf(Refusals|Logins, false)
	for s := range seconds {
		now := at.Add(time.Duration(s) * time.Second)
		for i := range each {
			e := make(i)
			e.At = now.Add(time.Duration(i) * time.Second / time.Duration(each))
			l.Record(Refusals, &e)
		}
		l.Sum(now)
		n := 0
		for line := range strings.Lines(string(l.Take(nil, now))) {
			var m map[string]any
			if err := json.Unmarshal([]byte(line), &m); err != nil {
				t.Fatalf("%q: %v", line, err)
			}
			lines, n = append(lines, m), n+1
		}
		if s > 0 {
			most = max(most, n)
		}
	}
	if recorded, summed, dropped := l.Counts(); recorded != int64(seconds*each) || dropped != 0 || summed >= recorded {
		t.Errorf("%d recorded, of these %d summed, %d dropped", recorded, summed, dropped)
	}
	return most, lines
}

// events is how many events lines stand for, by the value that field has.
func events(lines []map[string]any, field string) map[any]int {
	n := make(map[any]int)
	for _, m := range lines {
		times, _ := m["times"].(float64)
		n[m[field]] += max(int(times), 1)
	}
	return n
}

// TestFlood: an address has no more than so many lines a second, however many clients, names and commands; and what it has says how many events there were, and of whom.
func TestFlood(t *testing.T) {
	const seconds, each = 5, 20_000
	refused := func(i int) Event {
		return Event{Name: "refused", Pool: "p", Client: "192.0.2.7:1042", ID: 7, User: "default", Command: "get", Reason: "login"}
	}
	for _, c := range []struct {
		name  string
		lines int // a second
		make  func(i int) Event
	}{
		{"one client", linesPerSecond + 1, refused},
		{"many", linesPerSecond + 1, func(i int) Event {
			e := refused(i)
			e.Client, e.ID = fmt.Sprintf("192.0.2.7:%d", i), uint64(i+1)
			return e
		}},
		{"many of IPv6", linesPerSecond + 1, func(i int) Event {
			e := refused(i)
			e.Client, e.ID = fmt.Sprintf("[2001:db8::7]:%d", i), uint64(i+1)
			return e
		}},
		{"many of a network", linesPerSecond + 1, func(i int) Event {
			e := refused(i)
			e.Client, e.ID = fmt.Sprintf("[2001:db8::%x:%x%%eth0]:1042", i>>16+1, i&0xffff), uint64(i+1)
			return e
		}},
		{"many names", linesPerSecond + maxSums + 1, func(i int) Event {
			e := refused(i)
			e.Command, e.User = fmt.Sprint("c", i), fmt.Sprint("u", i)
			return e
		}},
	} {
		most, lines := flooded(t, seconds, each, c.make)
		if most > c.lines {
			t.Errorf("%s: %d lines in a second; want %d at most", c.name, most, c.lines)
		}
		if n := events(lines, "event")["refused"]; n != seconds*each {
			t.Errorf("%s: the lines are %d events; want %d", c.name, n, seconds*each)
		}
		for _, m := range lines {
			if client, _ := m["client"].(string); (client == "192.0.2.7" || client == "2001:db8::/64" || client == "[2001:db8::7]") != (m["id"] == nil) ||
				!strings.HasPrefix(client, "192.0.2.7") && !strings.Contains(client, "2001:db8::") {
				t.Fatalf("%s: %v", c.name, m)
			}
		}
	}
	// Who is not part of it has his own lines; what else comes from the address is told by its kind.
	_, lines := flooded(t, 2, each, func(i int) Event {
		e := refused(i)
		switch i % 1000 {
		case 0:
			e.Client, e.ID, e.User = "192.0.2.8:1", 8, "other"
		case 500:
			e.Client, e.ID, e.User, e.Command = "192.0.2.7:9", 9, "neighbour", "flushall"
		}
		return e
	})
	if n := events(lines, "user"); n["other"] != 2*each/1000 || n["neighbour"] != 2*each/1000 {
		t.Errorf("%v", n)
	}
	for _, m := range lines {
		if m["user"] == "other" && m["times"] != nil {
			t.Errorf("%v", m)
		}
	}
}

// TestFloodOfAddresses: what is remembered of addresses is bounded, and forgotten once they are quiet.
func TestFloodOfAddresses(t *testing.T) {
	l := logOf(Refusals, false)
	for i := range 2 * maxAddresses {
		l.Record(Refusals, &Event{At: at, Name: "refused", Client: fmt.Sprintf("[2001:db8:0:%x::1]:1", i)})
	}
	if n := len(l.flood.of); n > maxAddresses+1 {
		t.Errorf("%d addresses", n)
	}
	l.Sum(at.Add(time.Hour))
	if n := len(l.flood.of); n != 0 {
		t.Errorf("%d addresses an hour later", n)
	}
	if recorded, summed, dropped := l.Counts(); recorded != 2*maxAddresses || summed != maxAddresses-burstLines || dropped != 0 {
		t.Errorf("%d recorded, of these %d summed, %d dropped", recorded, summed, dropped)
	}
}

// sumsOf has l count events of as many addresses as it tells apart, each of which has sums of a size.
func sumsOf(l *Log, each int) (n int) {
	for i := range maxAddresses {
		client := fmt.Sprintf("10.%d.%d.1:1", i>>8, i&0xff)
		l.mu.Lock()
		l.flood.address(originOf(client)).fullAt = at.UnixNano() + burstLines*perLine // it had its lines
		l.mu.Unlock()
		for j := range each {
			l.Record(Refusals, &Event{At: at, Name: "refused", Client: client, Command: fmt.Sprint("c", j)})
			n++
		}
	}
	return n
}

// TestSumsMakeRoom: who records while sums become lines does not wait for all of them.
func TestSumsMakeRoom(t *testing.T) {
	l := logOf(Refusals|Admin, false)
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); {
		sumsOf(l, 2)
		var started, ended atomic.Bool
		done := make(chan struct{})
		go func() {
			defer close(done)
			for !ended.Load() {
				l.Record(Admin, &Event{At: at, Name: "mine"})
				started.Store(true)
			}
		}()
		for !started.Load() {
			time.Sleep(time.Millisecond)
		}
		l.Sum(at)
		ended.Store(true)
		<-done
		lines := string(l.Take(nil, at))
		if first, last := strings.Index(lines, `"refused"`), strings.LastIndex(lines, `"refused"`); first >= 0 && strings.Contains(lines[first:last], `"mine"`) {
			return
		}
	}
	t.Error("sums become lines all at once")
}

// TestSumsWait: sums that have no room become lines later, each event once, though more are counted meanwhile.
func TestSumsWait(t *testing.T) {
	l := logOf(Refusals|Admin, false)
	take := func() (n int) {
		l.Sum(at)
		for line := range strings.Lines(string(l.Take(nil, at))) {
			var e struct {
				Event string
				Times int
			}
			if err := json.Unmarshal([]byte(line), &e); err != nil {
				t.Fatal(err)
			}
			if e.Event == "refused" {
				n += max(e.Times, 1)
			}
		}
		return n
	}
	want, got := 0, 0
	for range 3 {
		want += sumsOf(l, 4)
		full := Event{At: at, Name: "full", Result: strings.Repeat("x", 900)}
		for _, _, dropped := l.Counts(); ; {
			l.Record(Admin, &full)
			if _, _, now := l.Counts(); now > dropped {
				break
			}
		}
		if n := take(); n > 10 { // that had room where no other line has
			t.Errorf("%d events had room", n)
		} else {
			got += n
		}
	}
	for range 5 {
		got += take()
	}
	if got != want {
		t.Errorf("%d events, want %d", got, want)
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

// TestPolicyChanges: a reload may turn the log off while an event is on its way to it.
func TestPolicyChanges(t *testing.T) {
	l, policy := logOf(Logins, false), &Policy{Kinds: Logins}
	var ended atomic.Bool
	go func() {
		for !ended.Load() {
			l.Set(nil)
			l.Set(policy)
		}
	}()
	e := Event{At: at, Name: "login", Client: "10.0.0.5:1042"}
	for range 20_000 {
		l.Record(Logins, &e)
		e.At = e.At.Add(time.Second) // never in a sum
	}
	ended.Store(true)
}
