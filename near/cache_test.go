package near

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
)

// get is a read of a key as a command.
func get(key string) *Command {
	frame := []byte("GET " + key)
	return &Command{Hash: Hash(frame, 0), Frame: frame}
}

// keep keeps a reply to a read of key that is sent now.
func keep(c *Cache, key, reply string) bool {
	return c.Keep(get(key), c.Mark(Slot([]byte(key))), []byte(reply), 0, Times{Until: 1000, Ends: 1000})
}

// given is what is given of a key; "-": nothing.
func given(c *Cache, key string) string {
	if e := c.Get(get(key), 0); e != nil {
		return string(e.Reply)
	}
	return "-"
}

func TestKeep(t *testing.T) {
	c := New(1 << 20)
	if given(c, "k") != "-" || !keep(c, "k", "v") || given(c, "k") != "v" || !keep(c, "k", "w") || given(c, "k") != "w" {
		t.Error("what is kept is not given")
	}
	cmd, m := get("k"), c.Mark(Slot([]byte("k")))
	reply := []byte("own")
	c.Keep(cmd, m, reply, 3, Times{Until: 1000, Ends: 1000})
	copy(reply, "xxx")
	copy(cmd.Frame, "xxxxx") // the caller's are the caller's
	if e := c.Get(get("k"), 999); e == nil || string(e.Reply) != "own" || e.Place != 3 {
		t.Errorf("%+v", e)
	}
	if e := c.Get(get("k"), 1000); e != nil {
		t.Errorf("%+v is given when its time is over", e)
	}
	other := get("k")
	other.Form = 1
	if e := c.Get(other, 0); e != nil {
		t.Errorf("%+v is given to another form", e)
	}
	clash := get("k2")
	clash.Hash = get("k").Hash
	if e := c.Get(clash, 0); e != nil {
		t.Errorf("%+v is given for another command of the same hash", e)
	}
	if n, bytes := c.Size(); n != 1 || bytes != int64(len("GET k")+len("own")+EntryBytes) {
		t.Errorf("%d entries of %d bytes", n, bytes)
	}
}

// TestWritten: each way to write ends what was kept before, and what was on its way.
func TestWritten(t *testing.T) {
	var s Source
	s.Open(1)
	for name, write := range map[string]func(c *Cache){
		"its key":        func(c *Cache) { c.Wrote(Slot([]byte("k"))) },
		"any key":        func(c *Cache) { c.WroteAny() },
		"server lost":    func(*Cache) { s.Close() },
		"server tells":   func(*Cache) { s.Open(2) },
		"server refuses": func(*Cache) { s.Refuse(s.Number()) },
		"keys move":      func(c *Cache) { c.Moved() },
		"closed":         func(c *Cache) { c.Close() },
	} { // in no order: each is a Cache of its own
		c := New(1 << 20)
		s.Open(1)
		m := c.Mark(Slot([]byte("k")))
		m.From(&s)
		if !c.Keep(get("k"), m, []byte("v"), 0, Times{Until: 1000, Ends: 1000}) || given(c, "k") != "v" {
			t.Fatalf("%s: nothing is kept", name)
		}
		if write(c); given(c, "k") != "-" {
			t.Errorf("%s: it is given", name)
		}
		if c.Keep(get("k"), m, []byte("v"), 0, Times{Until: 1000, Ends: 1000}) {
			t.Errorf("%s: what was on its way is kept", name)
		}
		c.Tidy(0, 0, 1)
		if n, _ := c.Size(); n != 0 {
			t.Errorf("%s: %d entries are held yet", name, n)
		}
	}
	c := New(1 << 20)
	keep(c, "k", "v")
	c.Wrote((Slot([]byte("k")) + 1) % epochs)
	if given(c, "k") != "v" {
		t.Error("a write of another slot ends it")
	}
}

// TestSource: an era is another with all that happens, and a refusal counts for the connection that it is about.
func TestSource(t *testing.T) {
	var s Source
	if s.Number() != 0 {
		t.Error("it is open")
	}
	s.Open(7)
	era := s.Era()
	s.Refuse(6)
	if s.Number() != 7 || s.Era() != era {
		t.Error("a refusal of another connection counts")
	}
	if s.Refuse(7); s.Number() != Untold || s.Era() == era {
		t.Error("a refusal does not count")
	}
	era = s.Era()
	if s.Close(); s.Number() != 0 || s.Era() == era {
		t.Error("it is not closed")
	}
}

// TestNext: what takes a Cache's place has its counts, and nothing else.
func TestNext(t *testing.T) {
	c := New(1 << 20)
	keep(c, "k", "v")
	next := c.Next(2 << 20)
	m := next.Mark(Slot([]byte("k")))
	c.Close()
	if given(c, "k") != "-" || given(next, "k") != "-" || keep(c, "k", "v") {
		t.Error("what was kept is given")
	}
	if n, bytes := c.Size(); n != 0 || bytes != 0 || c.find(get("k")) != nil {
		t.Errorf("%d entries of %d bytes are held yet", n, bytes)
	}
	if c.Wrote(Slot([]byte("k"))); next.Unchanged(&m) {
		t.Error("what one counts the other does not know")
	}
	m = next.Mark(Slot([]byte("k")))
	if c.WroteAny(); next.Unchanged(&m) {
		t.Error("what one counts of all keys the other does not know")
	}
	if !keep(next, "k", "w") || given(next, "k") != "w" {
		t.Error("the next keeps nothing")
	}
}

// TestRoom: what is kept has no more bytes than it may, and what is given often stays.
func TestRoom(t *testing.T) {
	const most = 256 << 10
	c := New(most)
	reply := make([]byte, 1000)
	for i := range 20_000 {
		key := fmt.Sprint("k", i)
		c.Keep(get(key), c.Mark(Slot([]byte(key))), reply, 0, Times{Until: 1000, Ends: 1000})
		if given(c, "hot") == "-" {
			if i > 2000 {
				t.Fatalf("what is given all the time has gone by the %dth", i)
			}
			keep(c, "hot", "v")
		}
		if _, bytes := c.Size(); bytes > most {
			t.Fatalf("%d bytes are kept", bytes)
		}
	}
	if n, _ := c.Size(); n < most/2/(1000+EntryBytes+10) {
		t.Errorf("only %d entries are kept", n)
	}
	if keep(c, "large", string(make([]byte, most/ways))) {
		t.Error("an eighth of all is kept in one")
	}
	dropped := 0
	n, _ := c.Size()
	for part := range 8 {
		dropped += c.Tidy(1000, part, 8)
	}
	if left, bytes := c.Size(); int64(dropped) != n || left != 0 || bytes != 0 {
		t.Errorf("%d of %d are dropped, and %d of %d bytes are left", dropped, n, left, bytes)
	}
}

// TestSets: commands whose hashes are the same share a set, and the ninth takes the place of one that was not given.
func TestSets(t *testing.T) {
	c := New(1 << 20)
	of := func(i int) *Command {
		return &Command{Hash: uint64(i) << 40, Frame: fmt.Append(nil, i)}
	}
	for i := range ways {
		c.Keep(of(i), c.Mark(0), nil, 0, Times{Until: 1000, Ends: 1000})
	}
	for i := 1; i < ways; i++ {
		if c.Get(of(i), 0) == nil {
			t.Errorf("%d of eight is not kept", i)
		}
	}
	c.Keep(of(ways), c.Mark(0), nil, 0, Times{Until: 1000, Ends: 1000})
	if c.Get(of(0), 0) != nil || c.Get(of(ways), 0) == nil {
		t.Error("the one that was never given stays")
	}
	c.Keep(of(ways+1), c.Mark(0), nil, 0, Times{Until: 1000, Ends: 1000}) // all were given
	if n, _ := c.Size(); n != ways || c.Get(of(ways+1), 0) == nil {
		t.Errorf("%d entries", n)
	}
}

// TestConcurrently: readers and writers of a few keys on as many goroutines as a proxy has loops, and more. Each key has one writer, who
// counts as a session does: before a write is sent, and when it is answered. No reader is given what is older than a write that was answered
// before it asked.
func TestConcurrently(t *testing.T) {
	const keys, each = 4, 40_000
	c := New(64 << 10)
	var servers [keys]atomic.Uint64 // what the server has
	var answered [keys]atomic.Uint64
	names := make([]string, keys)
	for i := range names {
		names[i] = fmt.Sprint("k", i)
	}
	var source Source
	source.Open(1)
	var hits, kept, writing atomic.Int64
	var all sync.WaitGroup
	for k := range keys {
		writing.Add(1)
		all.Go(func() {
			defer writing.Add(-1)
			for v := range uint64(each / 8) {
				slot := Slot([]byte(names[k]))
				if v%64 == 0 {
					c.WroteAny()
				} else {
					c.Wrote(slot)
				}
				servers[k].Store(v)
				if v%64 == 0 {
					c.WroteAny()
				} else {
					c.Wrote(slot)
				}
				answered[k].Store(v)
				for range 8 {
					runtime.Gosched()
				}
			}
		})
	}
	all.Go(func() { // the tracker is lost now and then; writes of others are heard of late
		for writing.Load() > 0 {
			source.Close()
			source.Open(1)
			c.Tidy(0, 0, 1)
			runtime.Gosched()
		}
	})
	for r := range 4 {
		all.Go(func() {
			random := rand.New(rand.NewPCG(uint64(r), 0))
			for writing.Load() > 0 {
				k := random.IntN(keys)
				cmd, floor := get(names[k]), answered[k].Load()
				if e := c.Get(cmd, 0); e != nil {
					hits.Add(1)
					if v := binary.LittleEndian.Uint64(e.Reply); v < floor || len(e.Frame) != len(cmd.Frame) {
						t.Errorf("%q is %d behind the write of %d", e.Frame, v, floor)
						return
					}
					continue
				}
				m := c.Mark(Slot([]byte(names[k])))
				m.From(&source)
				reply := binary.LittleEndian.AppendUint64(nil, servers[k].Load())
				if random.IntN(4) == 0 {
					runtime.Gosched() // the reply is on its way
				}
				if c.Keep(cmd, m, reply, 0, Times{Until: 1000, Ends: 1000}) {
					kept.Add(1)
				}
			}
		})
	}
	all.Wait()
	if hits.Load() == 0 || kept.Load() == 0 {
		t.Errorf("%d were given of %d that were kept", hits.Load(), kept.Load())
	}
	n, bytes := int64(0), int64(0)
	for i := range c.sets {
		for j := range c.sets[i] {
			if e := c.sets[i][j].Load(); e != nil {
				n, bytes = n+1, bytes+e.size
			}
		}
	}
	if counted, size := c.Size(); counted != n || size != bytes {
		t.Errorf("%d entries of %d bytes are counted; there are %d of %d", counted, size, n, bytes)
	}
}

// TestHitAllocates: what is given costs no memory.
func TestHitAllocates(t *testing.T) {
	c := New(1 << 20)
	keep(c, "k", "v")
	cmd := get("k")
	if n := testing.AllocsPerRun(100, func() { c.Get(cmd, 0) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkGet(b *testing.B) {
	c := New(1 << 20)
	keep(c, "k", "v")
	b.RunParallel(func(p *testing.PB) {
		cmd := get("k")
		for p.Next() {
			if c.Get(cmd, 0) == nil {
				b.Fatal("nothing is given")
			}
		}
	})
}
