//go:build unix

package difftest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// TestMemcachedMultiGet compares retrievals of up to 10,000 keys over four servers with one server's own replies.
func TestMemcachedMultiGet(t *testing.T) {
	t.Parallel()
	w := startMCWays(t)
	for _, n := range []int{2, 3, 10, 100, 10_000} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			hows := []cutting{random}
			if n <= 10 {
				hows = []cutting{whole, random, everyByte}
			}
			var sets strings.Builder
			var there, all, twice []string
			for i := range n {
				k := fmt.Sprint("k", i)
				if i%3 != 0 {
					sets.WriteString(mcSet(k, strings.Repeat(k, i%50)))
					there = append(there, k)
				}
				all = append(all, k)
				if i < 1000 {
					twice = append(twice, k, k, fmt.Sprint("k", n-1-i))
				}
			}
			backward := slices.Clone(all)
			slices.Reverse(backward)
			w.run(t, mcCase{raw: sets.String() + mcGet(there...) + "gets " + strings.Join(there, " ") + "\r\n"}, uint64(n), hows...)
			text := sets.String() + mcGet(all...) + mcGet(backward...) + mcGet(twice...) + "gets " + strings.Join(all, " ") + "\r\n"
			if n <= 100 { // memcached hangs up on a gat of more than 2 KB that comes in pieces
				text += "gat 1000 " + strings.Join(all, " ") + "\r\ngats 0 " + strings.Join(backward, " ") + "\r\n"
			}
			w.run(t, mcCase{raw: text, upstream: "a later hit moves up, 7.3"}, uint64(n), hows...)
		})
	}
	t.Run("long gat", func(t *testing.T) {
		keys := strings.Repeat(" some-key", 1000)
		w.run(t, mcCase{
			raw:      "gat 0" + keys + "\r\ngats 0" + keys + "\r\n",
			diverges: "memcached may hang up on a gat of more than 2 KB, with all requests of others on that connection",
			ours:     strings.Repeat("CLIENT_ERROR line too long\r\n", 2) + "END\r\n",
		}, 1, whole, random)
	})
}

// TestMemcachedManyWideInFlight has several clients with many wide retrievals in their pipelines at once.
func TestMemcachedManyWideInFlight(t *testing.T) {
	t.Parallel()
	servers := startMemcacheds(t, 4)
	addr := startLoops(t, 3, mcPoolOf(servers, spread...)).addr("p")
	const clients, rounds, width = 8, 40, 300
	diffs := make(chan string, clients)
	for id := range clients {
		var text, want strings.Builder
		for r := range rounds {
			var keys []string
			for i := range width {
				k := fmt.Sprintf("%d:k%d", id, width-1-i)
				v := fmt.Sprintf("v%d.%d", r, i)
				text.WriteString(mcSet(k, v))
				want.WriteString("STORED\r\n")
				keys = append(keys, k)
			}
			text.WriteString(mcGet(keys...) + "mn\r\n" + mcGet(keys[7]))
			for i, k := range keys {
				want.WriteString(mcBlock(k, fmt.Sprintf("v%d.%d", r, i)))
			}
			want.WriteString("END\r\nMN\r\n" + mcHit(keys[7], fmt.Sprintf("v%d.7", r)))
		}
		go func() {
			b := []byte(text.String())
			if underTest.name == "nutcracker" {
				b = []byte(strings.ReplaceAll(text.String(), "mn\r\n", ""))
				w := strings.ReplaceAll(want.String(), "MN\r\n", "")
				want.Reset()
				want.WriteString(w)
			}
			got := converse(t, addr, b, random.cuts(newRand(uint64(id)), b), want.String())
			if got == want.String() {
				diffs <- ""
				return
			}
			w, g := around(want.String(), got)
			diffs <- fmt.Sprintf("client %d:\n  want %s\n  got  %s", id, w, g)
		}()
	}
	for range clients {
		if diff := <-diffs; diff != "" {
			t.Error(diff)
		}
	}
}

// TestMemcachedMultiGetServerDown: one dead server costs a wide get one error; the connection and all else go on.
func TestMemcachedMultiGetServerDown(t *testing.T) {
	t.Parallel()
	wantCashew(t, "a failed multi-get closes the client, 5.5")
	servers := startMemcacheds(t, 4)
	addr := startProxy(t, mcPoolOf(servers, spread...)).addr("p")
	where := mcOwners(t, addr, servers, "key:%d", 100)
	dead, live := pick(t, where, 0, 5), append(pick(t, where, 1, 5), pick(t, where, 2, 5)...)
	servers[0].Kill()
	c := dial(t, addr)
	// The first of them may find the connection that the proxy had.
	await(t, "the proxy knows that the server is down", func() bool { return c.ask(mcGet(dead[0])) == mcRefused })
	blocks := ""
	for _, k := range live {
		blocks += mcBlock(k, mcValue(k))
	}
	for range 10 {
		c.expectAll(mcRefused+blocks+"END\r\n"+mcRefused+mcRefused+mcHit(live[0], mcValue(live[0])), ""+
			mcGet(sortedKeys(where)...)+
			mcGet(live...)+
			mcGet(dead...)+
			"gat 0 "+dead[0]+" "+live[0]+"\r\n"+
			mcGet(live[0]))
	}
	servers[0].start(t)
	await(t, "the server is back", func() bool { return c.ask(mcGet(dead[0])) == "END\r\n" })
	c.expect(blocks+"END\r\n", mcGet(append(dead, live...)...))
}
