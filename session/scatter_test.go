package session

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"cashew/codec"
)

// TestCutError: the error of a fragment is the same however it comes in pieces, and so is what its connection makes of it: a server that is
// no master any more is connected to anew.
func TestCutError(t *testing.T) {
	says := "-READONLY You can't write against a read only replica.\r\n"
	for cut := range len(says) {
		s, c := steady(t, 2)
		c.Send(array("DEL", "a", "b", "c", "d", "e", "f"))
		s.Settle()
		if first, second := s.Servers[0].Sock.Take(), s.Servers[1].Sock.Take(); first == "" || second == "" {
			t.Fatalf("the servers have %q and %q", first, second)
		}
		before := s.Servers[0].Sock
		s.Servers[0].Reply(says[:cut])
		s.Settle()
		s.Servers[0].Reply(says[cut:])
		s.Settle()
		s.Servers[1].Reply(":3\r\n")
		s.Settle()
		c.has(t, says)
		c.Send(array("GET", "a") + array("GET", "b"))
		s.Settle()
		if s.Servers[0].Sock == before {
			t.Errorf("cut at %d: its server is not connected to anew", cut)
		}
		if got := s.Servers[0].Sock.Take() + s.Servers[1].Sock.Take(); strings.Count(got, "GET") != 2 {
			t.Errorf("cut at %d: the servers have %q", cut, got)
		}
	}
}

// TestDeal: how many keys and bytes each server has, and which key is its first, whatever an earlier command left.
func TestDeal(t *testing.T) {
	l := &Local{parts: []uint16{2, 0, 2, 3}, shares: []share{{9, 9, 9}, {9, 9, 9}, {9, 9, 9}, {9, 9, 9}, {9, 9, 9}}}
	cmd := &codec.Command{Keys: []codec.Key{{Start: 10, End: 11}, {Start: 11, End: 13}, {Start: 13, End: 17}, {Start: 17, End: 25}}}
	l.deal(cmd, 4)
	if want := []share{{1, 2, 1}, {}, {2, 5, 0}, {1, 8, 3}}; !slices.Equal(l.shares, want) {
		t.Errorf("shares are %v; want %v", l.shares, want)
	}
}

// TestScatterSizes: each server gets its keys, with their values, whole and in the command's order, whatever their sizes and number: those
// that are copied by words, those for which a fragment has no room at once, and those that are not copied at all. The client gets what the servers say.
func TestScatterSizes(t *testing.T) {
	for seed := range uint64(12) {
		r := rand.New(rand.NewPCG(seed, 1))
		s, c := steady(t, 4)
		for range 4 {
			sizes := [][]int{{1, 2, 3}, {16, 16, 17}, {1, 24, 25, 26, 27, 31, 32, 33}, {10, 200, 5000}, {3, 20_000, 70_000}}[r.IntN(5)]
			args, want := []string{"mset"}, make([][]string, 4)
			for i := range 2 + r.IntN(150) {
				key, value := strconv.Itoa(i)+strings.Repeat("k", r.IntN(30)), strings.Repeat(string(rune('a'+i%26)), sizes[r.IntN(len(sizes))])
				if i > 20 && len(value) > 200 {
					value = value[:200]
				}
				place := s.pool.Router().Place([]byte(key))
				if args = append(args, key, value); want[place] == nil {
					want[place] = []string{"mset"}
				}
				want[place] = append(want[place], key, value)
			}
			c.Send(array(args...))
			s.Settle()
			for i, v := range s.Servers {
				if want[i] == nil {
					continue
				}
				if got := v.Sock.Take(); got != array(want[i]...) {
					t.Fatalf("seed %d: server %d gets %.200q, %d bytes; want %.200q, %d bytes", seed, i, got, len(got), array(want[i]...), len(array(want[i]...)))
				}
				v.Reply("+OK\r\n")
			}
			s.Settle()
			c.has(t, "+OK\r\n")
		}
	}
}

// TestLastFragment: the reply of the server that answers last is joined with the others where it was read, or kept, if it comes in pieces or
// before the command's turn; the client gets the same.
func TestLastFragment(t *testing.T) {
	keys := []string{"a", "b", "c", "d", "e", "f"}
	for order := range 4 {
		for cut := range 12 {
			s, c := steady(t, 2)
			if order&1 != 0 {
				c.Send(array("GET", "a")) // whose reply comes last of all
			}
			c.Send(array(append([]string{"MGET"}, keys...)...))
			s.Settle()
			replies, want := make([]string, 2), "*6\r\n"
			for i, k := range keys {
				place, value := s.pool.Router().Place([]byte(k)), bulk(fmt.Sprintf("value %d", i))
				replies[place] += value
				want += value
			}
			first := s.pool.Router().Place([]byte("a"))
			last := order >> 1
			if order&1 != 0 {
				last, want = first, bulk("the first")+want
			}
			for _, at := range []int{1 - last, last} {
				reply := fmt.Sprintf("*%d\r\n%s", strings.Count(replies[at], "$"), replies[at])
				if order&1 != 0 && at == first {
					reply = bulk("the first") + reply
				}
				if at == last {
					s.Servers[at].Reply(reply[:len(reply)*cut/12])
					s.Settle()
					reply = reply[len(reply)*cut/12:]
				}
				s.Servers[at].Reply(reply)
				s.Settle()
			}
			c.has(t, want)
		}
	}
}
