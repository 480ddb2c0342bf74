//go:build unix

package difftest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// mcLoad is a load of classic and meta commands.
var mcLoad = loadKind{
	command: func(rng *rand.Rand, keys []string) []string {
		k := keys[rng.IntN(len(keys))]
		switch rng.IntN(7) {
		case 0:
			return []string{"set", k}
		case 1:
			return []string{"mn"}
		case 2:
			return []string{"get", k, keys[rng.IntN(len(keys))], k}
		case 3:
			return []string{"mg", k}
		default:
			return []string{"get", k}
		}
	},
	bytes: func(dst []byte, args []string) []byte {
		switch args[0] {
		case "set":
			return append(dst, mcSet(args[1], mcValue(args[1]))...)
		case "mn":
			return append(dst, "mn\r\n"...)
		case "mg":
			return append(dst, "mg "+args[1]+" v k\r\n"...)
		default:
			return append(dst, mcGet(args[1:]...)...)
		}
	},
	read: readMC,
	replies: func(args []string) (want, lost string) {
		switch args[0] {
		case "set":
			return "STORED\r\n", "STORED\r\n"
		case "mn":
			return "MN\r\n", "MN\r\n"
		case "mg":
			v := mcValue(args[1])
			return fmt.Sprintf("VA %d k%s\r\n%s\r\n", len(v), args[1], v), "EN k" + args[1] + "\r\n"
		default:
			for _, k := range args[1:] {
				want += mcBlock(k, mcValue(k))
			}
			if len(args) > 2 {
				return want + "END\r\n", "" // any values may be lost
			}
			return want + "END\r\n", "END\r\n"
		}
	},
	err:     "SERVER_ERROR ",
	refused: mcRefused,
}

// startMCLoad runs clients until end. The keys of where have their values already.
func startMCLoad(t testing.TB, addr string, where map[string]int, clients int) *load {
	t.Helper()
	return mcLoad.start(t, addr, where, clients)
}

// mcRecovered waits until the proxy serves key again.
func mcRecovered(t testing.TB, addr, key string) {
	t.Helper()
	c := dial(t, addr)
	defer c.close()
	await(t, "requests for "+key+" succeed again", func() bool { return !mcIsError(c.ask(mcGet(key))) })
}

func TestMemcachedKilledUnderLoad(t *testing.T) {
	t.Parallel()
	wantCashew(t, "a failed multi-get closes the client, 5.5")
	servers := startMemcacheds(t, 4)
	addr := startLoops(t, 2, mcPoolOf(servers, append(spread, "timeout: 5000")...)).addr("p")
	where := mcOwners(t, addr, servers, "key:%d", 100)
	killUnderLoad(t, startMCLoad(t, addr, where, 6), servers[0].Kill, func() {
		dead := slices.DeleteFunc(sortedKeys(where), func(k string) bool { return where[k] != 0 })
		servers[0].start(t)
		mcRecovered(t, addr, dead[0])
		c := dial(t, addr)
		defer c.close()
		for _, k := range dead { // the server came back empty
			await(t, "every client connection's loop has its server back", func() bool {
				return c.ask(mcSet(k, mcValue(k))) == "STORED\r\n"
			})
		}
	})
}

func TestMemcachedDownFromStart(t *testing.T) {
	t.Parallel()
	up, down := startMemcached(t), startMemcached(t)
	down.Kill()
	servers := []*mcServer{up, down}
	alone, both := mcPoolOf(servers[1:]), mcPoolOf(servers, spread...)
	alone.name, both.name = "alone", "both"
	p := startProxy(t, alone, both)
	c := dial(t, p.addr("alone"))
	for range 10 {
		for _, text := range []string{
			mcGet("a"), "gets a\r\n", mcSet("a", "1"), "add a 0 0 1\r\n1\r\n", "append a 0 0 1\r\n1\r\n", "cas a 0 0 1 1\r\n1\r\n",
			"incr a 1\r\n", "decr a 1\r\n", "delete a\r\n", "touch a 0\r\n",
		} {
			c.expect(mcRefused, text)
		}
		if underTest.name != "cashew" {
			continue
		}
		for _, text := range []string{
			mcGet("a", "b"), "gat 0 a\r\n", "gats 0 a b\r\n", "mg a v\r\n", "ms a 1\r\n1\r\n", "md a\r\n", "ma a\r\n", "me a\r\n",
			"mg a q v\r\n", "ms a 1 q\r\n1\r\n", "md a q\r\n", "ma a q\r\n",
		} {
			c.expect(mcRefused, text)
		}
		// noreply is silent, whatever happens.
		c.expectAll("MN\r\n", "set a 0 0 1 noreply\r\n1\r\nadd a 0 0 1 noreply\r\n1\r\ncas a 0 0 1 1 noreply\r\n1\r\n"+
			"append a 0 0 1 noreply\r\n1\r\ndelete a noreply\r\nincr a 1 noreply\r\ndecr a 1 noreply\r\ntouch a 0 noreply\r\nmn\r\n")
	}
	// The server that is up has some of these keys, the other has the rest.
	c = dial(t, p.addr("both"))
	var good, bad []string
	for i := range 40 {
		k := fmt.Sprint("key:", i)
		switch got := c.ask(mcSet(k, "v")); got {
		case "STORED\r\n":
			good = append(good, k)
		case mcRefused:
			bad = append(bad, k)
		default:
			t.Fatalf("set %s = %q", k, got)
		}
	}
	if len(good) == 0 || len(bad) == 0 {
		t.Fatalf("%d keys are up and %d down, want some of each", len(good), len(bad))
	}
	c.expectAll(mcHit(good[0], "v")+mcRefused+mcHit(good[1], "v")+"DELETED\r\n"+mcRefused+"END\r\n", ""+
		mcGet(good[0])+mcGet(bad[0])+mcGet(good[1])+"delete "+good[0]+"\r\ndelete "+bad[0]+"\r\n"+
		fmt.Sprintf("set %s 0 0 1 noreply\r\n1\r\n", bad[1])+mcGet(good[0]))
	down.start(t)
	mcRecovered(t, p.addr("alone"), "a")
	mcRecovered(t, p.addr("both"), bad[0])
	for _, k := range append(good, bad...) {
		c.expect("STORED\r\n", mcSet(k, "v"))
	}
}

// TestMemcachedTimeout stops a server without closing anything, and lets it go on later.
func TestMemcachedTimeout(t *testing.T) {
	t.Parallel()
	servers := startMemcacheds(t, 2)
	addr := startProxy(t, mcPoolOf(servers, append(spread, "timeout: 300")...)).addr("p")
	where := mcOwners(t, addr, servers, "key:%d", 40)
	stopped, live := pick(t, where, 0, 10), pick(t, where, 1, 10)
	c, other := dial(t, addr), dial(t, addr)
	hit := func(k string) string { return mcHit(k, mcValue(k)) }
	for round := range 2 {
		servers[0].Pause(t)
		text := mcGet(live[0]) + mcGet(stopped[0]) + mcGet(live[1]) + "delete " + stopped[9] + "\r\n" + mcGet(live[3]) + mcGet(stopped[2])
		want := hit(live[0]) + mcTimedOut + hit(live[1]) + mcTimedOut + hit(live[3]) + mcTimedOut
		if underTest.name == "cashew" {
			text += mcGet(live[4], stopped[5]) + "mg " + stopped[6] + " v q\r\nmn\r\n" + mcGet(live[6])
			want += mcTimedOut + mcTimedOut + "MN\r\n" + hit(live[6])
		}
		from := time.Now()
		c.send([]byte(text))
		for range 10 {
			other.expect(hit(live[7]), mcGet(live[7]))
		}
		c.expectAll(want, "")
		if took := time.Since(from); took < 250*time.Millisecond {
			t.Errorf("round %d: timed out after %v, want 300ms", round, took)
		}
		servers[0].Signal(syscall.SIGCONT)
		mcRecovered(t, addr, stopped[3])
		// Replies that came too late must not be taken for those of later requests.
		for i := range 200 {
			c.expect(hit(stopped[i%8]), mcGet(stopped[i%8]))
		}
	}
}

// TestMemcachedSlowServer stops one of four servers: replies keep their order, clients of the others do not wait.
func TestMemcachedSlowServer(t *testing.T) {
	t.Parallel()
	wantCashew(t, "no meta commands")
	servers := startMemcacheds(t, 4)
	addr := startProxy(t, mcPoolOf(servers, spread...)).addr("p")
	where := mcOwners(t, addr, servers, "key:%d", 200)
	slow, quick := pick(t, where, 0, 3), append(pick(t, where, 1, 3), pick(t, where, 2, 3)...)
	hit := func(k string) string { return mcHit(k, mcValue(k)) }
	c, other := dial(t, addr), dial(t, addr)
	servers[0].Pause(t)
	c.send([]byte(mcGet(quick[0]) + mcGet(slow[0]) + "mn\r\n" + mcGet(quick[1], slow[1], quick[2]) + "mg " + quick[3] + " q\r\nbogus\r\n" +
		"mg " + slow[2] + " q\r\nmg none q\r\nset " + slow[0] + " 0 0 1 noreply\r\nx\r\nmn\r\n" + mcGet(slow[0]) + mcGet(quick[4])))
	for range 20 {
		other.expect(hit(quick[5]), mcGet(quick[5]))
		other.expect("MN\r\n", "mn\r\n")
	}
	servers[0].Signal(syscall.SIGCONT)
	block := func(k string) string { return mcBlock(k, mcValue(k)) }
	c.expectAll(hit(quick[0])+hit(slow[0])+"MN\r\n"+block(quick[1])+block(slow[1])+block(quick[2])+"END\r\nHD\r\nERROR\r\nHD\r\nMN\r\n"+
		mcHit(slow[0], "x")+hit(quick[4]), "")
}

// TestMemcachedGoodbye: a client that closes its side, or says quit, gets all that it is owed.
func TestMemcachedGoodbye(t *testing.T) {
	t.Parallel()
	servers := startMemcacheds(t, 4)
	addr := startProxy(t, mcPoolOf(servers, spread...)).addr("p")
	where := mcOwners(t, addr, servers, "key:%d", 100)
	keys := sortedKeys(where)
	for _, c := range []struct {
		name, tail string // tail is what stands behind the last whole request
		close      bool   // the client closes its side
	}{
		{"half-close", "", true},
		{"half-close inside a line", "get ke", true},
		{"half-close inside a data block", "set a 0 0 10\r\n1234", true},
		{"half-close behind noreply", "set a 0 0 1 noreply\r\n1\r\n", true},
		{"quit", "quit\r\n", false},
		{"quit and more", "quit\r\nget a\r\nbogus\r\n", false},
		{"quit and half-close", "quit\r\n", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			servers[0].Pause(t) // so that replies are owed when the client goes
			client := dial(t, addr)
			var text, want strings.Builder
			for i := range 2000 {
				k := keys[i%len(keys)]
				text.WriteString(mcGet(k))
				want.WriteString(mcHit(k, mcValue(k)))
			}
			client.send([]byte(text.String() + c.tail))
			if c.close {
				client.closeWrite()
			}
			for _, k := range pick(t, where, 1, 5) {
				dial(t, addr).expect(mcHit(k, mcValue(k)), mcGet(k))
			}
			servers[0].Signal(syscall.SIGCONT)
			client.expectAll(want.String(), "")
			if rest := client.drain(); rest != "" {
				t.Errorf("got %q behind what was owed", clip(rest))
			}
		})
	}
}
