package discovery

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"cashew/configs"
	"cashew/topology"
)

// list is a list of servers by lines such as "a=1" for the name a at port 1, or "a=1*2" with the weight 2.
func list(t *testing.T, words string) []topology.ServerOptions {
	t.Helper()
	var lines []string
	for _, w := range strings.Fields(words) {
		name, port, _ := strings.Cut(w, "=")
		port, weight, weighs := strings.Cut(port, "*")
		if !weighs {
			weight = "1"
		}
		lines = append(lines, fmt.Sprintf("127.0.0.1:%s:%s %s", port, weight, name))
	}
	servers, err := configs.ParseServers(lines)
	if err != nil {
		t.Fatal(err)
	}
	return servers
}

// words is what list takes.
func words(servers []topology.ServerOptions) string {
	var all []string
	for _, s := range servers {
		w := s.Name + "=" + s.Addr[strings.LastIndexByte(s.Addr, ':')+1:]
		if s.Weight != 1 {
			w += fmt.Sprint("*", s.Weight)
		}
		if want := fmt.Sprintf("%s:%d", s.Addr, s.Weight); s.PName != want {
			w += " shown as " + s.PName
		}
		all = append(all, w)
	}
	return strings.Join(all, " ")
}

// step is what a source says after a time, and what is in force then; with the Settle of 10 s.
type step struct {
	after  time.Duration
	says   string // "-": nothing; "lost": it can not be heard
	force  string
	reason Reason
	again  time.Duration
}

// decide has come into force what k says.
func decide(k *Keeper, now time.Time) Verdict {
	v := k.Decide(now)
	if v.Servers != nil {
		k.Take(v.Servers, now)
	}
	return v
}

// TestRules goes through what the comment at the top of keeper.go says.
func TestRules(t *testing.T) {
	const s = time.Second
	for name, c := range map[string]struct {
		apply bool
		begin string
		steps []step
	}{
		"the first list comes into force where nothing is known": {false, "", []step{{0, "a=1 b=2", "a=1 b=2", "", 0}}},
		"an empty one does not":                                  {true, "", []step{{0, "", "", Doubted, 0}, {s, "a=1", "a=1", "", 0}}},
		"an address changes at once":                             {false, "a=1 b=2", []step{{0, "a=3 b=2", "a=3 b=2", "", 0}, {0, "a=3 b=1", "a=3 b=1", "", 0}}},
		"two names change places":                                {false, "a=1 b=2", []step{{0, "a=2 b=1", "a=2 b=1", "", 0}}},
		"an address that flaps is damped": {false, "a=1 b=2", []step{
			{0, "a=3 b=2", "a=3 b=2", "", 0},
			{s, "a=4 b=2", "a=4 b=2", "", 0},
			{s, "a=5 b=2", "a=5 b=2", "", 0},
			{s, "a=6 b=2", "a=5 b=2", "", 57 * s},
			{s, "a=6 b=7", "a=5 b=7", "", 56 * s}, // the other may
			{55 * s, "-", "a=5 b=7", "", s},
			{s, "-", "a=6 b=7", "", 0},
		}},
		"an address that a name had a moment ago comes at once": {false, "a=1 b=2", []step{
			{0, "a=3 b=2", "a=3 b=2", "", 0},
			{s, "a=4 b=2", "a=4 b=2", "", 0},
			{s, "a=5 b=2", "a=5 b=2", "", 0},
			{s, "a=6 b=2", "a=5 b=2", "", 57 * s},
			{s, "a=1 b=2", "a=1 b=2", "", 0},
			{s, "a=6 b=2", "a=1 b=2", "", 55 * s}, // a return is none of the three
			{s, "a=5 b=2", "a=5 b=2", "", 0},
			{s, "a=1 b=2", "a=1 b=2", "", 0},
			{53 * s, "a=6 b=2", "a=6 b=2", "", 0},
			{s, "a=3 b=2", "a=3 b=2", "", 0}, // a minute is over since it left that one
			{s, "a=7 b=2", "a=7 b=2", "", 0},
			{s, "a=4 b=2", "a=7 b=2", "", 57 * s},
		}},
		"but three times a second": {false, "a=1 b=2", []step{
			{0, "a=3 b=2", "a=3 b=2", "", 0},
			{s / 10, "a=1 b=2", "a=1 b=2", "", 0},
			{s / 10, "a=3 b=2", "a=3 b=2", "", 0},
			{s / 10, "a=1 b=2", "a=1 b=2", "", 0},
			{s / 10, "a=3 b=2", "a=1 b=2", "", 7 * s / 10},
			{7 * s / 10, "-", "a=3 b=2", "", 0},
		}},
		"warn keeps the ring, and takes addresses": {false, "a=1 b=2", []step{
			{0, "a=1 b=2 c=3", "a=1 b=2", Warned, 0}, {time.Hour, "a=5 b=2 c=3", "a=5 b=2", Warned, 0}, {s, "a=5", "a=5 b=2", Warned, 0}, {s, "a=5 b=2", "a=5 b=2", "", 0},
		}},
		"the first list of a process is applied at once": {true, "a=1 b=2", []step{{0, "a=1 b=2 c=3", "a=1 b=2 c=3", "", 0}}},
		"a later one once it has settled": {true, "a=1 b=2", []step{
			{0, "a=1 b=2", "a=1 b=2", "", 0}, {s, "a=1 b=2 c=3", "a=1 b=2", Settling, 10 * s}, {9 * s, "a=1 b=2 c=4", "a=1 b=2", Settling, s}, {s, "-", "a=1 b=2 c=4", "", 0},
		}},
		"one that shrinks as well": {true, "a=1 b=2 c=3", []step{
			{0, "a=1 b=2 c=3", "a=1 b=2 c=3", "", 0}, {s, "a=1 b=2", "a=1 b=2 c=3", Settling, 10 * s}, {10 * s, "-", "a=1 b=2", "", 0},
		}},
		"one that flaps never": {true, "a=1 b=2", []step{
			{0, "a=1 b=2", "a=1 b=2", "", 0},
			{s, "a=1 b=2 c=3", "a=1 b=2", Settling, 10 * s},
			{9 * s, "a=1 b=2", "a=1 b=2", "", 0},
			{s, "a=1 b=2 c=3", "a=1 b=2", Settling, 10 * s},
			{9 * s, "a=1 b=2", "a=1 b=2", "", 0},
		}},
		"what was handed over is left by what settles": {true, "warm a=1 b=2", []step{
			{0, "a=1 b=2 c=3", "a=1 b=2", Settling, 10 * s}, {10 * s, "-", "a=1 b=2 c=3", "", 0},
		}},
		"what is lost meanwhile settles anew": {true, "a=1 b=2", []step{
			{0, "a=1 b=2", "a=1 b=2", "", 0},
			{s, "a=1 b=2 c=3", "a=1 b=2", Settling, 10 * s},
			{9 * s, "lost", "a=1 b=2", Settling, 0},
			{9 * s, "-", "a=1 b=2", Settling, 0},
			{s, "a=4 b=2 c=3", "a=4 b=2", Settling, 10 * s},
			{10 * s, "-", "a=4 b=2 c=3", "", 0},
		}},
		"what is lost before the first list means nothing": {true, "a=1 b=2", []step{{0, "lost", "a=1 b=2", "", 0}, {s, "a=1 b=2 c=3", "a=1 b=2 c=3", "", 0}}},
		"a weight is membership": {true, "a=1 b=2", []step{
			{0, "a=1 b=2", "a=1 b=2", "", 0}, {s, "a=3 b=2*5", "a=3 b=2", Settling, 10 * s}, {10 * s, "-", "a=3 b=2*5", "", 0},
		}},
		"a weight and an address of one name": {true, "a=1 b=2", []step{
			{0, "a=1 b=2", "a=1 b=2", "", 0}, {s, "a=1 b=4*5", "a=1 b=4", Settling, 10 * s}, {10 * s, "-", "a=1 b=4*5", "", 0},
		}},
		"an empty list is doubted for ever": {true, "a=1 b=2", []step{{0, "", "a=1 b=2", Doubted, 0}, {1000 * time.Hour, "", "a=1 b=2", Doubted, 0}, {s, "b=3", "a=1 b=3", Settling, 10 * s}, {10 * s, "-", "b=3", "", 0}}},
		"so is one that lacks more than half, but for addresses": {true, "a=1 b=2 c=3", []step{
			{0, "a=9 x=7 y=8 z=6", "a=9 b=2 c=3", Doubted, 0}, {time.Hour, "a=9", "a=9 b=2 c=3", Doubted, 0}, {s, "a=9 b=2", "a=9 b=2 c=3", Settling, 10 * s},
		}},
		"half of them may leave": {true, "a=1 b=2", []step{{0, "a=1", "a=1", "", 0}, {s, "x=1", "a=1", Doubted, 0}}},
	} {
		k := Keeper{Apply: c.apply, Settle: 10 * s}
		begin, warm := strings.CutPrefix(c.begin, "warm ")
		if k.Warm = warm; begin != "" {
			k.Begin(list(t, begin))
		}
		now := time.Unix(1000, 0)
		for i, st := range c.steps {
			now = now.Add(st.after)
			switch st.says {
			case "-":
			case "lost":
				k.Lost()
			default:
				k.Hear(list(t, st.says), now)
			}
			was := k.InForce()
			v := decide(&k, now)
			if got := words(k.InForce()); got != st.force || v.Reason != st.reason || v.Again != st.again {
				t.Errorf("%s, step %d: in force is %q, %q, again after %v; want %q, %q, %v", name, i+1, got, v.Reason, v.Again, st.force, st.reason, st.again)
			}
			if changed := !slices.Equal(was, k.InForce()); changed != (v.Servers != nil) {
				t.Errorf("%s, step %d: changed is %v, the verdict %+v", name, i+1, changed, v)
			}
			if v := decide(&k, now); v.Servers != nil {
				t.Errorf("%s, step %d: a second verdict is %+v", name, i+1, v)
			}
		}
	}
}

// TestAccept: a person can have a list come into force that is doubted or only warned of, but no empty one.
func TestAccept(t *testing.T) {
	k, now := Keeper{}, time.Unix(1000, 0)
	k.Begin(list(t, "a=1 b=2 c=3"))
	if _, ok := k.Accept(); ok {
		t.Error("accepted what nobody said")
	}
	k.Hear(nil, now)
	if _, ok := k.Accept(); ok || words(k.InForce()) != "a=1 b=2 c=3" {
		t.Error("accepted an empty list")
	}
	k.Hear(list(t, "x=1"), now)
	if v, ok := k.Accept(); !ok || words(v.Servers) != "x=1" || len(v.Left) != 3 || len(v.Joined) != 1 {
		t.Errorf("accepted: %v %+v", ok, v)
	}
}

// TestUntaken: a list that could not come into force moved no name, however often it is tried.
func TestUntaken(t *testing.T) {
	k, now := Keeper{}, time.Unix(1000, 0)
	k.Begin(list(t, "a=1 b=2"))
	k.Hear(list(t, "a=3 b=2"), now)
	for range 2 * moveLimit {
		if v := k.Decide(now); words(v.Servers) != "a=3 b=2" || v.Held != 0 || words(k.InForce()) != "a=1 b=2" {
			t.Fatalf("%+v, in force is %s", v, words(k.InForce()))
		}
	}
}

// TestHuge: 500 servers, of which one after the other leaves and comes back with another address, take milliseconds.
func TestHuge(t *testing.T) {
	var lines []string
	for i := range 500 {
		lines = append(lines, fmt.Sprintf("10.0.%d.%d:6379:1 server%03d", i/250, i%250, i))
	}
	all, err := configs.ParseServers(lines)
	if err != nil || len(all) != 500 {
		t.Fatal(len(all), err)
	}
	k, now := Keeper{Apply: true}, time.Unix(1000, 0)
	k.Begin(all)
	for i := range all {
		now = now.Add(time.Second)
		less := slices.Delete(slices.Clone(all), i, i+1)
		k.Hear(less, now)
		if v := decide(&k, now); len(v.Left) != 1 || len(v.Joined) != 0 {
			t.Fatalf("%d: %+v", i, v.Change)
		}
		k.Hear(all, now)
		if v := decide(&k, now); len(v.Joined) != 1 || !slices.Equal(k.InForce(), all) {
			t.Fatalf("%d: %+v", i, v.Change)
		}
	}
}
