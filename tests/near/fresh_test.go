//go:build unix

package near

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cashew/tests/processtest"
)

// item is a key whose values are versions that only grow. One writer has it; whoever reads knows from these what a reply may be.
type item struct {
	key    string
	hash   bool
	db     int
	begun  atomic.Int64 // the latest version that a write was sent of
	done   atomic.Int64 // that a write was answered of
	absent atomic.Int64 // that is no value: the key is gone
}

// write sends writes of an item and of others, as one writer does it after the other.
type write struct {
	name   string
	absent bool // the key is gone afterwards
	hash   bool
	send   func(c *client, i *item, v string) (commands [][]string)
}

// writes are the ways to write; each reply but an error means that it was done.
var writes = []write{
	{name: "SET", send: func(_ *client, i *item, v string) [][]string { return [][]string{{"SET", i.key, v}} }},
	{name: "MSET", send: func(_ *client, i *item, v string) [][]string {
		return [][]string{{"MSET", i.key, v, "other" + v, v}}
	}},
	{name: "GETSET", send: func(_ *client, i *item, v string) [][]string { return [][]string{{"GETSET", i.key, v}} }},
	{name: "EVAL", send: func(_ *client, i *item, v string) [][]string {
		return [][]string{{"EVAL", "redis.call('set', KEYS[1], ARGV[1]) return 1", "1", i.key, v}}
	}},
	{name: "MULTI", send: func(_ *client, i *item, v string) [][]string {
		return [][]string{{"MULTI"}, {"SET", i.key, v}, {"GET", i.key}, {"EXEC"}}
	}},
	{name: "WATCH", send: func(_ *client, i *item, v string) [][]string {
		return [][]string{{"WATCH", i.key}, {"GET", i.key}, {"MULTI"}, {"SET", i.key, v}, {"EXEC"}}
	}},
	{name: "RENAME", send: func(_ *client, i *item, v string) [][]string {
		return [][]string{{"SET", i.key + ":new", v}, {"RENAME", i.key + ":new", i.key}}
	}},
	{name: "INCRBY", send: func(_ *client, i *item, v string) [][]string {
		return [][]string{{"SET", i.key, "0"}, {"INCRBY", i.key, v}}
	}},
	{name: "PSETEX", absent: true, send: func(_ *client, i *item, v string) [][]string { return [][]string{{"PSETEX", i.key, "20", v}} }},
	{name: "PEXPIRE", absent: true, send: func(_ *client, i *item, v string) [][]string { return [][]string{{"PEXPIRE", i.key, "20"}} }},
	{name: "DEL", absent: true, send: func(_ *client, i *item, _ string) [][]string { return [][]string{{"DEL", i.key}} }},
	{name: "UNLINK", absent: true, send: func(_ *client, i *item, _ string) [][]string {
		return [][]string{{"UNLINK", "other1", i.key, "other2"}}
	}},
	{name: "HSET", hash: true, send: func(_ *client, i *item, v string) [][]string { return [][]string{{"HSET", i.key, "a", v, "b", v}} }},
	{name: "HMSET", hash: true, send: func(_ *client, i *item, v string) [][]string {
		return [][]string{{"MULTI"}, {"HSET", i.key, "a", v}, {"HMSET", i.key, "b", v}, {"EXEC"}}
	}},
	{name: "DEL", hash: true, absent: true, send: func(_ *client, i *item, _ string) [][]string { return [][]string{{"DEL", i.key}} }},
}

// fresh is clients who read and write the same items at once, and what they saw.
type fresh struct {
	addr    string
	moving  bool // keys go over to other servers meanwhile
	cluster bool // there is one database alone
	stop    atomic.Bool
	reads   atomic.Int64
	wrote   atomic.Int64

	mu    sync.Mutex
	wrong []string
}

func (f *fresh) report(format string, args ...any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.wrong = append(f.wrong, fmt.Sprintf(format, args...)); len(f.wrong) > 100 {
		f.stop.Store(true)
	}
}

// connect is a client of a database that speaks a version.
func (f *fresh) connect(db, version int) *client {
	conn, err := processtest.Dial(f.addr, patience)
	if err != nil {
		f.report("%v", err)
		return nil
	}
	c := &client{conn}
	if f.cluster {
		db = 0
	}
	for _, args := range [][]string{{"HELLO", strconv.Itoa(version)}, {"SELECT", strconv.Itoa(db)}} {
		if reply, err := c.do(args...); err != nil || strings.HasPrefix(reply, "-") {
			f.report("%q: %q, %v", args, reply, err)
		}
	}
	return c
}

// write has one client write the items of a database, each again and again, and read it back in the same breath.
func (f *fresh) write(db, version int, items []*item, seed uint64) {
	c := f.connect(db, version)
	if c == nil {
		return
	}
	defer c.Close()
	random := rand.New(rand.NewPCG(seed, 1))
	for !f.stop.Load() {
		i := items[random.IntN(len(items))]
		w := &writes[random.IntN(len(writes))]
		if w.hash != i.hash {
			continue
		}
		n := i.begun.Load() + 2 + int64(db) // a version tells its database by what is left over
		n -= n % 2
		n += int64(db)
		if w.absent {
			i.absent.Store(n)
		}
		i.begun.Store(n)
		written, ok := f.writeOnce(c, i, w, n)
		if !ok {
			return
		}
		if !written {
			continue
		}
		if w.name == "PSETEX" || w.name == "PEXPIRE" {
			time.Sleep(30 * time.Millisecond) // the key is gone then, whoever looks
		}
		i.done.Store(n)
		f.wrote.Add(1)
	}
}

// writeOnce writes one version, and reads it behind that. written is false if the server of a key that is watched became another, or
// a slot moved while its keys were with two servers.
func (f *fresh) writeOnce(c *client, i *item, w *write, n int64) (written, ok bool) {
	v := strconv.FormatInt(n, 10)
	commands := w.send(c, i, v)
	var text []byte
	for _, args := range commands {
		text = processtest.AppendCommand(text, args...)
	}
	text = processtest.AppendCommand(text, i.read()...)
	_ = c.SetDeadline(time.Now().Add(patience))
	if _, err := c.Write(text); err != nil {
		f.report("%v", err)
		return false, false
	}
	for _, args := range commands {
		reply, err := c.Reply()
		halved := f.cluster && strings.HasPrefix(reply, "-TRYAGAIN")
		written = (args[0] != "EXEC" || strings.HasPrefix(reply, "(")) && !halved
		if err != nil || strings.HasPrefix(reply, "-") && !halved || !written && !f.moving {
			f.report("%q: %q, %v", args, reply, err)
			return false, false
		}
	}
	reply, err := c.Reply()
	if err != nil {
		f.report("%v", err)
		return false, false
	}
	switch got := i.version(reply); {
	case !written:
	case w.name == "PEXPIRE" && got >= 0 && got >= i.done.Load(), w.name == "PSETEX" && got == n:
	case w.absent && got != none, !w.absent && got != n:
		f.report("%s of %s, its own: version %d read behind the write of %d: %.80q", w.name, i.key, got, n, reply)
	}
	return written, true
}

// read is what reads i.
func (i *item) read() []string {
	if i.hash {
		return []string{"HGETALL", i.key}
	}
	return []string{"GET", i.key}
}

// none is the version of a key that is not there, torn one that is none.
const (
	none = -1
	torn = -2
)

// version is what a reply to read has.
func (i *item) version(reply string) int64 {
	if i.hash {
		if reply == "()" || reply == "" {
			return none
		}
		a, b, ok := strings.Cut(strings.TrimPrefix(reply, "(a,"), ",b,")
		if !ok || a+")" != b {
			return torn
		}
		reply = a
	}
	if reply == "" || reply == "_" {
		return none
	}
	n, err := strconv.ParseInt(reply, 10, 64)
	if err != nil {
		return torn
	}
	return n
}

// read has one client read the items of a database, several in one breath, or with one command.
func (f *fresh) read(db, version int, items []*item, seed uint64) {
	c := f.connect(db, version)
	if c == nil {
		return
	}
	defer c.Close()
	random := rand.New(rand.NewPCG(seed, 2))
	for !f.stop.Load() {
		var commands [][]*item
		var floors []int64
		var text []byte
		for range 1 + random.IntN(16) {
			asked := []*item{items[random.IntN(len(items))]}
			args := asked[0].read()
			for !asked[0].hash && len(asked) < 4 && random.IntN(3) > 0 {
				if i := items[random.IntN(len(items))]; !i.hash {
					asked = append(asked, i)
					args = append(append([]string{"MGET"}, args[1:]...), i.key)
				}
			}
			for _, i := range asked {
				floors = append(floors, i.done.Load())
			}
			commands = append(commands, asked)
			text = processtest.AppendCommand(text, args...)
		}
		_ = c.SetDeadline(time.Now().Add(patience))
		if _, err := c.Write(text); err != nil {
			f.report("%v", err)
			return
		}
		for _, asked := range commands {
			reply, err := c.Reply()
			if err != nil {
				f.report("%v", err)
				return
			}
			f.checkAll(asked, floors, reply)
			floors = floors[len(asked):]
			f.reads.Add(int64(len(asked)))
		}
	}
}

// checkAll is check for each of the items that one command has asked for.
func (f *fresh) checkAll(asked []*item, floors []int64, reply string) {
	replies := []string{reply}
	if len(asked) > 1 {
		replies = strings.Split(strings.TrimSuffix(strings.TrimPrefix(reply, "("), ")"), ",")
	}
	if len(replies) != len(asked) {
		f.report("%d keys: %.80q", len(asked), reply)
		return
	}
	for i := range asked {
		f.check(asked[i], floors[i], replies[i])
	}
}

// check looks whether a reply to a read of i, before which a version was written, may be.
func (f *fresh) check(i *item, floor int64, reply string) {
	got := i.version(reply)
	switch {
	case got == none && (i.absent.Load() >= floor || floor == 0), got == 0 && !i.hash: // INCRBY begins with 0
	case got == none:
		f.report("%s: not there, and version %d was written; the last that is none is %d", i.key, floor, i.absent.Load())
	case got < floor || got > i.begun.Load() || got%2 != int64(i.db):
		f.report("%s of database %d: version %d; %d was written before, and %d is the last: %.80q", i.key, i.db, got, floor, i.begun.Load(), reply)
	}
}

// TestFresh: nobody reads anything older than what was answered to whoever wrote it, before the read was sent.
func TestFresh(t *testing.T) {
	t.Parallel()
	for name, keys := range map[string]string{"auto": "auto", "patterns": "k*"} { // in no order: each is a test of its own
		t.Run(name, func(t *testing.T) {
			a, b := newRedis(t), newRedis(t)
			p := runProxy(t, []string{a.addr, b.addr}, "redis: true", "databases: 2", "hash_tag: \"{}\"", "near_cache: 4mb", "near_cache_keys: "+keys)
			f := &fresh{addr: p.addr}
			f.run(t, 4, 12, min(*forFlag, time.Duration(ifShort(500, 1e9))*time.Millisecond))
			n := p.figures(t)
			t.Logf("%d reads and %d writes: %+v", f.reads.Load(), f.wrote.Load(), n)
			if n.Hits == 0 || n.Joined == 0 || n.Kept == 0 || n.Invalidated == 0 {
				t.Errorf("nothing was tried: %+v", n)
			}
		})
	}
}

func ifShort(short, long int) int {
	if testing.Short() {
		return short
	}
	return long
}

// run has so many clients write, each keys of its own, and so many read all of them, for a time.
func (f *fresh) run(t *testing.T, writers, readers int, d time.Duration) {
	t.Helper()
	end := f.start(writers, readers)
	processtest.Poll(d, f.stop.Load)
	end(t)
}

// start has them do so until end is called.
func (f *fresh) start(writers, readers int) (end func(t *testing.T)) {
	running := new(sync.WaitGroup)
	byDB := make([][]*item, 2)
	for w := range writers {
		var items []*item
		for k := range 4 {
			i := &item{key: fmt.Sprintf("k{%d.%d}", w/2, k), hash: k == 3, db: w % 2}
			if f.cluster {
				i.key = fmt.Sprintf("k{%d.%d}%d", w/2, k, w%2)
			}
			items = append(items, i)
		}
		byDB[w%2] = append(byDB[w%2], items...)
		running.Go(func() { f.write(w%2, 2+w/2%2, items, uint64(w)) })
	}
	for r := range readers {
		running.Go(func() { f.read(r%2, 2+r/2%2, byDB[r%2], uint64(r)) })
	}
	return func(t *testing.T) {
		t.Helper()
		f.stop.Store(true)
		running.Wait()
		f.tell(t)
	}
}

// tell fails the test with what was wrong.
func (f *fresh) tell(t *testing.T) {
	t.Helper()
	for _, text := range f.wrong[:min(len(f.wrong), 10)] {
		t.Error(text)
	}
	if len(f.wrong) > 10 {
		t.Errorf("and %d more", len(f.wrong)-10)
	}
}
