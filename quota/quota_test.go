package quota

import (
	"slices"
	"strings"
	"testing"
	"time"

	"cashew/codec/work"
)

const second = int64(time.Second)

// keysOf are keys of a command.
type keysOf []string

func (k keysOf) KeyAt(i int) []byte { return []byte(k[i]) }

func rules(t testing.TB, lines ...string) *Limits {
	t.Helper()
	list := make([]Rule, len(lines))
	for i, line := range lines {
		r, err := Parse(line)
		if err != nil {
			t.Fatal(err)
		}
		list[i] = r
	}
	return New(list)
}

// passes is how many commands of one key pass at once.
func passes(l *Local, now int64) (n int) {
	for l.Take(l.For(""), &Claim{Class: work.Read, Key: []byte("k")}, now).Past == nil {
		n++
	}
	return n
}

func TestParse(t *testing.T) {
	for line, want := range map[string]string{
		"a requests=10":           "a requests=10 past=error",
		"a bytes=10kb past=delay": "a bytes=10240 past=delay",
		"  b user=u prefix=p:  class=other requests=1k bytes=2 burst=5 burst_bytes=7  past=error ": "b user=u prefix=p: class=other requests=1000 bytes=2 burst=5 burst_bytes=7 past=error",
		"a requests=10 burst=10": "a requests=10 past=error",
		"a most=3 requests=10":   "a requests=10 most=3 past=error",
	} {
		r, err := Parse(line)
		if err != nil || r.String() != want {
			t.Errorf("%q is %q, %v; want %q", line, r.String(), err, want)
		}
		if again, err := Parse(r.String()); err != nil || again != r {
			t.Errorf("%q read again: %+v, %v; want %+v", r.String(), again, err, r)
		}
	}
	for line, want := range map[string]Error{
		"":                           {"", "stands where"},
		"requests=1":                 {"requests=1", "stands where"},
		"a'b requests=1":             {"a'b", "is no name"},
		"a":                          {"", "has neither"},
		"a request=1":                {"request=1", "is not one of"},
		"a requests":                 {"requests", "has no value"},
		"a requests=1 requests=2":    {"requests=2", "is the second"},
		"a requests=x":               {"requests=x", "is no number"},
		"a requests=+1":              {"requests=+1", "is no number"},
		"a requests=1tb":             {"requests=1tb", "is no number"},
		"a requests=0":               {"requests=0", "is out of range"},
		"a requests=-1":              {"requests=-1", "is out of range"},
		"a requests=2000gb":          {"requests=2000gb", "is out of range"},
		"a requests=1 class=admin":   {"class=admin", "is not read"},
		"a requests=1 past=wait":     {"past=wait", "is neither"},
		"a bytes=1 burst=1":          {"burst=", "stands without"},
		"a bytes=1 most=1":           {"most=", "stands without"},
		"a requests=1 burst_bytes=1": {"burst_bytes=", "stands without"},
	} {
		if _, err := Parse(line); err == nil || err.Word != want.Word || !strings.HasPrefix(err.Reason, want.Reason) {
			t.Errorf("%q: %v; want %v", line, err, &want)
		}
	}
}

// TestBurst: what a second brings may come at once, unless the rule says otherwise, and then as fast as it comes; a pause fills the
// bucket, and does not overfill it.
func TestBurst(t *testing.T) {
	for line, burst := range map[string]int{"a requests=640": 640, "a requests=640 burst=100": 100, "a requests=640 burst=2000": 2000, "a requests=1": 1} {
		l := rules(t, line).Local()
		rate := int(l.Of.All[0].Requests)
		now := second
		if n := passes(l, now); n != burst {
			t.Errorf("%s: %d pass at once; want %d", line, n, burst)
		}
		sum := 0
		for range 4 * 100 {
			now += second / 100
			sum += passes(l, now)
		}
		if sum < 4*rate-1 || sum > 4*rate {
			t.Errorf("%s: %d pass in four seconds; want %d", line, sum, 4*rate)
		}
		if n := passes(l, now+1000*second); n != burst {
			t.Errorf("%s: %d pass after a pause; want %d", line, n, burst)
		}
	}
}

// TestMost: a command that is more than a rule lets one be is refused, costs nothing, and leaves no debt to others; also where the rule delays.
func TestMost(t *testing.T) {
	keys := make(keysOf, 1000)
	for _, line := range []string{"a requests=10 most=5", "a requests=10 most=5 past=delay"} {
		l := rules(t, line).Local()
		for n, passes := range map[int]bool{6: false, 1000: false, 5: true} {
			if v := l.Take(l.For(""), &Claim{Keys: keys, N: n}, second); (v.Past == nil) != passes || v.Wait != 0 {
				t.Errorf("%s: %d keys: %+v", line, n, v)
			}
		}
		if v := l.Take(l.For(""), &Claim{Keys: keys, N: 5}, second); v.Past != nil {
			t.Errorf("%s: five more: %+v", line, v)
		}
	}
}

// TestNow: whom nothing can wait for is refused by rules that delay, and charged by none.
func TestNow(t *testing.T) {
	l := rules(t, "a requests=10 past=delay", "b requests=20", "c requests=5 past=delay").Local()
	for i := range 8 {
		if v := l.Take(l.For(""), &Claim{Now: true}, second); (v.Past == nil) != (i < 5) || v.Wait != 0 {
			t.Errorf("command %d: %+v", i, v)
		}
	}
	if v := l.Take(l.For(""), &Claim{}, second); v.Past == nil || v.Past.Name != "c" || v.Wait == 0 {
		t.Errorf("who can wait: %+v", v)
	}
	if n := l.own[0].requests + l.own[1].requests; n > 2*20 {
		t.Errorf("%d in hand", n)
	}
}

// TestShared: the loops of a process have one bucket together, but for the portion that each may have in hand.
func TestShared(t *testing.T) {
	of := rules(t, "a requests=6400")
	loops := []*Local{of.Local(), of.Local(), of.Local()}
	sum := 0
	for _, l := range loops {
		l.Take(l.For(""), &Claim{}, second)
		sum++
	}
	for _, l := range loops {
		sum += passes(l, second)
	}
	if sum != 6400 {
		t.Errorf("%d pass at once; want 6400", sum)
	}
	if n := loops[0].own[0].requests + loops[1].own[0].requests + loops[2].own[0].requests; n != 0 {
		t.Errorf("%d are left in hand", n)
	}
}

// TestSelects: a rule counts the commands of its user, its class, and those keys alone that have its prefix.
func TestSelects(t *testing.T) {
	l := rules(t, "u user=alice requests=100", "p prefix=p: requests=100", "w class=write requests=100", "all requests=1000").Local()
	for _, c := range []struct {
		user  string
		claim Claim
		want  Set
		units []int64
	}{
		{"", Claim{Class: work.Read, Key: []byte("p")}, 0b1000, []int64{0, 0, 0, 1}},
		{"alice", Claim{Class: work.Read, Key: []byte("p:")}, 0b1011, []int64{1, 1, 0, 1}},
		{"bob", Claim{Class: work.Write, Key: []byte("p:1"), Keys: keysOf{"p:1", "q:1", "p:2"}, N: 3}, 0b1110, []int64{0, 2, 3, 3}},
		{"", Claim{Class: work.Other}, 0b1000, []int64{0, 0, 0, 1}},
	} {
		v := l.Take(l.For(c.user), &c.claim, second)
		if v.Rules != c.want || v.Past != nil {
			t.Errorf("%q %+v: rules %b, past %v; want %b", c.user, c.claim, v.Rules, v.Past, c.want)
		}
		for i, n := range c.units {
			if v.Rules>>i&1 == 1 && l.units[i] != n {
				t.Errorf("%q %+v: rule %d counts %d; want %d", c.user, c.claim, i, l.units[i], n)
			}
		}
	}
}

// TestDebt: a command that costs more than the burst passes once the bucket is full, and those behind it pay for it.
func TestDebt(t *testing.T) {
	l := rules(t, "a requests=100").Local()
	wide := &Claim{N: 1000, Keys: make(keysOf, 1000)}
	if v := l.Take(1, wide, second); v.Past != nil {
		t.Fatal("it is refused while the bucket is full")
	}
	if n := passes(l, 10*second); n != 0 {
		t.Errorf("%d pass after nine seconds; want none", n)
	}
	if n := passes(l, 10*second+second/2); n != 50 {
		t.Errorf("%d pass after 9.5 seconds; want 50", n)
	}
	if v := l.Take(1, wide, 11*second); v.Past == nil {
		t.Error("it passes again while the bucket is half full")
	}
}

// TestRefusedCostsNothing: a command that one rule refuses is charged to none, and not by halves.
func TestRefusedCostsNothing(t *testing.T) {
	l := rules(t, "a requests=10 bytes=100", "b requests=5", "c requests=10 past=delay").Local()
	for range 5 {
		if v := l.Take(7, &Claim{Bytes: 10}, second); v.Past != nil {
			t.Fatalf("past %s", v.Past.Name)
		}
	}
	for range 100 {
		if v := l.Take(7, &Claim{Bytes: 10}, second); v.Past != l.Of.All[1] || v.Wait != 0 {
			t.Fatalf("%+v; want b", v)
		}
	}
	for range 5 {
		if v := l.Take(5, &Claim{Bytes: 10}, second); v.Past != nil {
			t.Fatalf("past %s: what was refused had a price", v.Past.Name)
		}
	}
	if v := l.Take(5, &Claim{Bytes: 10}, second); v.Past != l.Of.All[0] {
		t.Errorf("%+v; want a", v)
	}
	l = rules(t, "a requests=10 bytes=100").Local()
	for range 100 { // too many bytes
		l.Take(1, &Claim{Bytes: 60}, second)
	}
	if n := passes(l, second); n != 9 {
		t.Errorf("%d pass; want 9: one was charged", n)
	}
}

// TestDelay: those that wait do so in the order in which they came, each for as long as what is before it takes; what is given back
// shortens the waits behind it.
func TestDelay(t *testing.T) {
	l := rules(t, "a requests=10 burst=1 past=delay").Local()
	take := func(now int64) int64 { return l.Take(1, &Claim{}, now).Wait }
	if w := take(second); w != 0 {
		t.Fatalf("the first waits %d", w)
	}
	for i := range int64(5) {
		if w := take(second); w != (i+1)*second/10 {
			t.Errorf("%d waits %d", i, w)
		}
	}
	v := l.Take(1, &Claim{}, second)
	if v.Wait != 6*second/10 || v.Past != l.Of.All[0] {
		t.Errorf("%+v", v)
	}
	l.Hold(v).GiveBack()
	if w := take(second); w != 6*second/10 {
		t.Errorf("in its place the next waits %d", w)
	}
	if w := l.Take(1, &Claim{N: 100, Keys: make(keysOf, 100)}, second).Wait; w != 7*second/10 {
		t.Errorf("one wider than the burst waits %d", w)
	}
	if w := take(second); w != 107*second/10 {
		t.Errorf("one behind that waits %d", w)
	}
}

// TestOwe: a reply is charged to the bytes of the rules that its command came under; a debt is an hour at most.
func TestOwe(t *testing.T) {
	l := rules(t, "a bytes=1000", "b bytes=1000", "c requests=10").Local()
	l.Owe(0b101, 3000, second)
	pass := func(s Set, now int64) bool { return l.Take(s, &Claim{Bytes: 1}, now).Past == nil }
	if pass(1, second) || pass(1, 3*second-1) || !pass(1, 3*second+second/500) || !pass(2, second) || !pass(4, second) {
		t.Error("the debt is not that of a alone, or not two seconds")
	}
	l.Owe(0b10, 1<<40, second)
	if pass(2, second+maxDebt-1) || !pass(2, second+maxDebt+second/500) {
		t.Error("the debt is not an hour")
	}
	l.Owe(1<<31, 1, second) // a rule that there is not
}

// TestAfter: rules that stay keep what was taken of them, and what was counted.
func TestAfter(t *testing.T) {
	old := rules(t, "a requests=10", "b requests=10")
	l := old.Local()
	passes(l, second)
	old.All[0].Times.Add(3)
	if got := rules(t, "a requests=10", "b requests=10").After(old); got != old {
		t.Error("the same rules are others")
	}
	next := rules(t, "b requests=20", "a requests=10").After(old)
	if next == old || next.All[1] != old.All[0] || next.All[0] == old.All[1] {
		t.Error("a is not what it was, or b is")
	}
	if got := (*Limits)(nil).After(old); got != nil || New(nil).Local() != nil {
		t.Error("no rules are some")
	}
	if !slices.Equal(Lines([]Rule{next.All[1].Rule}), []string{"a requests=10 past=error"}) {
		t.Error(Lines([]Rule{next.All[1].Rule}))
	}
	if a := next.All[1]; !a.ToTell(5) || a.ToTell(5+second-1) || !a.ToTell(5+second) {
		t.Error("it is told more often than once in a second, or less")
	}
}

func TestAllocs(t *testing.T) {
	l := rules(t, "a user=u prefix=k class=read requests=1000000000 bytes=100gb", "b requests=1", "c requests=1000000000 past=delay").Local()
	keys := keysOf{"k"}
	var k Keys = keys
	now := second
	key := []byte("k")
	if n := testing.AllocsPerRun(1000, func() {
		now++
		l.Take(l.For("u"), &Claim{Class: work.Read, Key: key, Bytes: 10}, now)
		l.Take(0b101, &Claim{Keys: k, Bytes: 10}, now)
		l.Owe(7, 10, now)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
