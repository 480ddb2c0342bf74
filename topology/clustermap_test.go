package topology

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"cashew/codec"
	"cashew/ring"
)

// viewOf makes a view of slots 0 to 9, the others being nobody's: "a: a=1:0-4 b=2:5-9 c=3" is a's, by which a has slots 0 to 4 with epoch 1,
// and c, a master, none, and "r=" is a replica. Node x is at "x:1", or y where it is written x@y. A ! in front says that its server is not well.
func viewOf(t testing.TB, text string) answer {
	t.Helper()
	self, nodes, ok := strings.Cut(text, ":")
	v := &codec.View{Well: self[0] != '!', Owners: make([]int32, ring.SlotCount)}
	for i := range v.Owners {
		v.Owners[i] = -1
	}
	self = strings.TrimPrefix(self, "!")
	self, addr, moved := strings.Cut(self, "@")
	if !moved {
		addr = self
	}
	v.Self = self
	for _, word := range strings.Fields(nodes) {
		id, rest, ok2 := strings.Cut(word, "=")
		if ok2 && rest == "" {
			v.Replicas = append(v.Replicas, id)
			continue
		}
		epoch, slots, _ := strings.Cut(rest, ":")
		id, at, moved := strings.Cut(id, "@")
		if !moved {
			at = id
		}
		n := codec.Node{ID: id, Addr: at + ":1"}
		if _, err := fmt.Sscan(epoch, &n.Epoch); err != nil || !ok || !ok2 {
			t.Fatalf("%q is no view", text)
		}
		for _, r := range strings.FieldsFunc(slots, func(r rune) bool { return r == ',' }) {
			first, last := int(r[0]-'0'), int(r[len(r)-1]-'0')
			for s := first; s <= last; s++ {
				v.Owners[s] = int32(len(v.Nodes))
			}
		}
		v.Nodes = append(v.Nodes, n)
	}
	return answer{addr: addr + ":1", view: v}
}

// text is a map as viewOf has views.
func (m *clusterMap) text() string {
	if m == nil {
		return ""
	}
	var words []string
	for i, n := range m.nodes {
		word := n.id
		if n.addr != n.id+":1" {
			word += "@" + strings.TrimSuffix(n.addr, ":1")
		}
		var slots []string
		var epoch uint64
		for s := 0; s < 10; s++ {
			if m.slots[s].node != int32(i) {
				continue
			}
			epoch = max(epoch, m.slots[s].epoch)
			first := s
			for s < 9 && m.slots[s+1].node == int32(i) {
				s++
			}
			if slots = append(slots, fmt.Sprint(first)); s > first {
				slots[len(slots)-1] = fmt.Sprintf("%d-%d", first, s)
			}
		}
		if slots != nil {
			word += fmt.Sprintf("=%d:%s", epoch, strings.Join(slots, ","))
		}
		words = append(words, word)
	}
	return strings.Join(words, " ")
}

// TestMerge plays rounds: the views in each are told together. What the map is after each follows the arrow.
func TestMerge(t *testing.T) {
	for _, c := range []struct {
		name   string
		rounds []string
	}{
		{"one view", []string{"a: a=1:0-4 b=2:5-9 -> a=1:0-4 b=2:5-9"}},
		{"a slot moves, and one has heard", []string{
			"a: a=1:0-4 b=2:5-9 -> a=1:0-4 b=2:5-9",
			"a: a=1:0-4 b=2:5-9 | b: a=1:0-3 b=3:4-9 -> a=1:0-3 b=3:4-9",
		}},
		{"at the beginning, too", []string{"a: a=1:0-4 b=2:5-9 | b: a=1:0-3 b=3:4-9 -> a=1:0-3 b=3:4-9"}},
		{"a stale one comes later", []string{
			"b: a=1:0-3 b=3:4-9 -> a=1:0-3 b=3:4-9",
			"c: a=1:0-4 b=2:5-9 -> a=1:0-3 b=3:4-9",
			"a: a=1:0-4 b=2:5-9 -> a=1:0-3 b=3:4-9",
		}},
		{"an old master comes back", []string{
			"b: a=1:0-4 b=2:5-9 -> a=1:0-4 b=2:5-9",
			"r: r=5:0-4 b=2:5-9 -> b=2:5-9 r=5:0-4",
			"a: a=1:0-4 b=2:5-9 | b: r=5:0-4 b=2:5-9 -> b=2:5-9 r=5:0-4",
		}},
		{"half moved: the old one has given the slot up, the new one does not know", []string{
			"a: a=4:0-4 b=2:5-9 -> a=4:0-4 b=2:5-9",
			"a: a=4:0-3 b=2:4-9 | b: a=4:0-4 b=2:5-9 -> a=4:0-3 b=2:4-9",
			"b: a=4:0-3 b=5:4-9 -> a=4:0-3 b=5:4-9",
		}},
		{"given to one with a lower epoch", []string{
			"a: a=4:0-4 b=2:5-9 -> a=4:0-4 b=2:5-9",
			"b: a=4:0-3 b=2:4-9 -> a=4:0-4 b=2:5-9",
			"a: a=4:0-3 b=2:4-9 -> a=4:0-3 b=2:4-9",
		}},
		{"others are wrong about one that was asked", []string{
			"b: a=1:0-3 b=5:4-9 -> a=1:0-3 b=5:4-9",
			"a: a=6:0-3 b=5:4-9 | c: a=6:0-4 b=5:5-9 -> a=6:0-3 b=5:4-9",
		}},
		{"two claim a slot, and the cluster has not decided", []string{
			"a: a=1:0-4 b=1:5-9 -> a=1:0-4 b=1:5-9",
			"a: a=1:0-4 b=1:5-9 | b: a=1:0-3 b=1:4-9 -> a=1:0-4 b=1:5-9",
		}},
		{"the other claims it, and the one that has it is not heard", []string{
			"a: a=1:0-4 b=1:5-9 -> a=1:0-4 b=1:5-9",
			"b: a=1:0-3 b=1:4-9 -> a=1:0-4 b=1:5-9",
		}},
		{"two claim a slot, and the one that has it keeps it", []string{
			"b: a=1:0-3 b=1:4-9 -> a=1:0-3 b=1:4-9",
			"a: a=1:0-4 b=1:5-9 | b: a=1:0-3 b=1:4-9 -> a=1:0-3 b=1:4-9",
		}},
		{"two say other addresses of a third", []string{
			"a: a=1:0-4 b=2:5-8 c@e=3:9 | b: a=1:0-4 b=2:5-8 c@d=3:9 -> a=1:0-4 b=2:5-8 c@d=3:9",
		}},
		{"it says another one itself", []string{
			"a: a=1:0-4 b=2:5-8 c@e=3:9 | c@d: a=1:0-4 b=2:5-8 c@f=3:9 -> a=1:0-4 b=2:5-8 c@f=3:9",
		}},
		{"two claim a slot at the beginning", []string{"b: a=1:0-3 b=1:4-9 | a: a=1:0-4 b=1:5-9 -> a=1:0-4 b=1:5-9"}},
		{"a slot without an owner", []string{
			"a: a=1:0-4 b=2:5-9 -> a=1:0-4 b=2:5-9",
			"b: a=1:0-3 b=2:5-9 -> a=1:0-4 b=2:5-9",
			"a: a=1:0-3 b=2:5-9 | b: a=1:0-3 b=2:5-9 -> a=1:0-3 b=2:5-9",
		}},
		{"one that is alone says nothing", []string{
			"a: a=1:0-4 b=2:5-9 -> a=1:0-4 b=2:5-9",
			"z: z=0 -> a=1:0-4 b=2:5-9",
		}},
		{"a first one that is alone", []string{"z: z=0 -> "}},
		{"reset and not in the cluster any more: others say still that it has its slots", []string{
			"a: a=1:0-4 b=2:5-9 -> a=1:0-4 b=2:5-9",
			"a: a=0 | b: a=1:0-4 b=2:5-9 -> a=1:0-4 b=2:5-9",
		}},
		{"reset, and its slots are another's with a lower epoch", []string{
			"a: a=7:0-4 b=2:5-9 -> a=7:0-4 b=2:5-9",
			"a: a=0 | b: b=2:0-9 -> b=2:0-9",
		}},
		{"reset hard, so it has another ID", []string{
			"a: a=7:0-4 b=2:5-9 -> a=7:0-4 b=2:5-9",
			"z@a: z@a=0 | b: b=2:0-9 -> b=2:0-9",
		}},
		{"a master without slots", []string{
			"a: a=1:0-4 b=2:5-9 c=0 -> a=1:0-4 b=2:5-9 c",
			"b: a=1:0-4 b=2:5-9 -> a=1:0-4 b=2:5-9 c",
			"b: a=1:0-4 b=2:5-9 | c: a=1:0-4 b=2:5-9 c=0 -> a=1:0-4 b=2:5-9 c",
			"b: a=1:0-4 b=2:5-9 -> a=1:0-4 b=2:5-9 c",
			"b: a=1:0-4 b=2:5-9 -> a=1:0-4 b=2:5-9 c",
			"b: a=1:0-4 b=2:5-9 -> a=1:0-4 b=2:5-9 c",
			"b: a=1:0-4 b=2:5-9 -> a=1:0-4 b=2:5-9",
		}},
		{"a master without slots becomes a replica, and none that is asked knows of it any more", []string{
			"a: a=1:0-4 b=2:5-9 c=0 -> a=1:0-4 b=2:5-9 c",
			"a: a=1:0-4 b=2:5-9 c= -> a=1:0-4 b=2:5-9",
		}},
		{"it says so itself", []string{
			"a: a=1:0-4 b=2:5-9 c=0 -> a=1:0-4 b=2:5-9 c",
			"a: a=1:0-4 b=2:5-9 c=0 | c: a=1:0-4 b=2:5-9 c= -> a=1:0-4 b=2:5-9",
		}},
		{"some have not heard, and it was not asked", []string{
			"a: a=1:0-4 b=2:5-9 c=0 -> a=1:0-4 b=2:5-9 c",
			"a: a=1:0-4 b=2:5-9 c= | b: a=1:0-4 b=2:5-9 c=0 -> a=1:0-4 b=2:5-9 c",
		}},
		{"a replica that was asked as a seed", []string{"r: a=1:0-4 b=2:5-9 r= -> a=1:0-4 b=2:5-9"}},
		{"a stale view has a master for a replica", []string{
			"a: a=1:0-4 b=2:5-9 r= -> a=1:0-4 b=2:5-9",
			"r: r=5:0-4 b=2:5-9 a= | b: a=1:0-4 b=2:5-9 r= -> b=2:5-9 r=5:0-4",
		}},
		{"another address", []string{
			"a: a=1:0-4 b=2:5-9 -> a=1:0-4 b=2:5-9",
			"a: a=1:0-4 b@d=2:5-9 | c: a=1:0-4 b=2:5-9 -> a=1:0-4 b=2:5-9",
			"a: a=1:0-4 b@d=2:5-9 -> a=1:0-4 b@d=2:5-9",
		}},
		{"all anew: lower epochs that all agree on", []string{
			"a: a=7:0-4 b=8:5-9 -> a=7:0-4 b=8:5-9",
			"b: b=1:0-9", "b: b=1:0-9", "b: b=1:0-9", "b: b=1:0-9", "b: b=1:0-9 -> a=7:0-4 b=1:5-9",
			"b: b=1:0-9 -> b=1:0-9",
		}},
		{"not if one of them is not well", []string{
			"a: a=7:0-4 b=8:5-9 -> a=7:0-4 b=8:5-9",
			"!b: b=1:0-9", "!b: b=1:0-9", "!b: b=1:0-9", "!b: b=1:0-9", "!b: b=1:0-9",
			"!b: b=1:0-9 -> a=7:0-4 b=1:5-9",
		}},
		{"nor if they do not agree", []string{
			"a: a=7:0-4 b=8:5-9 -> a=7:0-4 b=8:5-9",
			"b: b=1:0-9 | c: b=1:0-8 c=1:9", "b: b=1:0-9 | c: b=1:0-8 c=1:9", "b: b=1:0-9 | c: b=1:0-8 c=1:9", "b: b=1:0-9 | c: b=1:0-8 c=1:9",
			"b: b=1:0-9 | c: b=1:0-8 c=1:9", "b: b=1:0-9 | c: b=1:0-8 c=1:9 -> a=7:0-4 b=1:5-9",
		}},
		{"another cluster", []string{
			"a: a=7:0-4 b=8:5-9 -> a=7:0-4 b=8:5-9",
			"x: x=1:0-9 | a: a=7:0-4 b=8:5-9 -> a=7:0-4 b=8:5-9",
			"x: x=1:0-9", "x: x=1:0-9", "x: x=1:0-9", "x: x=1:0-9", "x: x=1:0-9 -> a=7:0-4 b=8:5-9",
			"x: x=1:0-9 -> x=1:0-9",
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var m *clusterMap
			lower := 0
			for _, round := range c.rounds {
				views, want, is := strings.Cut(round, " ->")
				var answers []answer
				for _, v := range strings.Split(views, "|") {
					answers = append(answers, viewOf(t, strings.TrimSpace(v)))
				}
				came := merge(m, answers, lower >= settledAfter)
				if m = came.next; came.lower {
					lower++
				} else {
					lower = 0
				}
				if got := m.text(); is && got != strings.TrimSpace(want) {
					t.Fatalf("after %s: %q; want %q", views, got, want)
				}
			}
		})
	}
}

// TestMergeAnyOrder: in which order the answers of a round came makes no difference.
func TestMergeAnyOrder(t *testing.T) {
	first := merge(nil, []answer{viewOf(t, "a: a=1:0-4 b=2:5-9")}, false).next
	texts := []string{"a: a=1:0-3 b=2:4-9", "b: a=1:0-4 b=2:5-9", "c: a=1:0-4 b=2:5-8 c@f=3:9", "!d: a=1:0-4 b=4:5-8 c@e=3:9 n@h=0", "e: a=1:0-4 b=2:5-9 n@g=0"}
	want := ""
	for i := range 120 {
		left, order := slices.Clone(texts), []answer(nil)
		for n := 5; n > 0; n-- {
			at := i % n
			i /= n
			order = append(order, viewOf(t, left[at]))
			left = slices.Delete(left, at, at+1)
		}
		got := merge(first, order, false).next.text()
		if want == "" {
			want = got
		}
		if got != want {
			t.Errorf("one order makes %q, another %q", want, got)
		}
	}
}

// TestDoubts: those are asked next by whose word it would be clear.
func TestDoubts(t *testing.T) {
	m := merge(nil, []answer{viewOf(t, "a: a=4:0-4 b=2:5-9")}, false).next
	for _, c := range []struct {
		views []string
		want  string
		soon  bool
	}{
		{[]string{"a: a=4:0-4 b=2:5-9"}, "", false},
		{[]string{"b: a=4:0-3 b=2:4-9"}, "a:1", false},
		{[]string{"a: a=4:0-3 c=5:4 b=2:5-9"}, "c:1", true},
		{[]string{"a: a=4:0-3 c=5:4 b=2:5-9", "c: a=4:0-3 c=5:4 b=2:5-9"}, "", false},
	} {
		var answers []answer
		for _, v := range c.views {
			answers = append(answers, viewOf(t, v))
		}
		if got := merge(m, answers, false); strings.Join(got.doubts, " ") != c.want || got.soon != c.soon {
			t.Errorf("%q: %q are asked next, soon: %v; want %q, %v", c.views, got.doubts, got.soon, c.want, c.soon)
		}
	}
}

// largeView is a view of a cluster of so many masters, by one of them.
func largeView(masters, self int) answer {
	v := &codec.View{Well: true, Owners: make([]int32, ring.SlotCount)}
	for i := range masters {
		v.Nodes = append(v.Nodes, codec.Node{ID: fmt.Sprintf("%040d", i), Addr: fmt.Sprintf("10.0.%d.%d:7000", i/256, i%256), Epoch: uint64(i + 1)})
	}
	for s := range v.Owners {
		v.Owners[s] = int32(s * masters / ring.SlotCount)
	}
	v.Self = v.Nodes[self].ID
	return answer{addr: v.Nodes[self].Addr, view: v}
}

// TestLineup: servers are sorted as elsewhere, those at one address are one, and slots lead to them.
func TestLineup(t *testing.T) {
	m := merge(nil, []answer{viewOf(t, "bb: bb=1:0-2 a=2:3-5 c=3:6-7 d@c=4:8-9")}, false).next
	servers, slots := m.lineup()
	var names []string
	for _, s := range servers {
		names = append(names, s.Name)
	}
	if got := strings.Join(names, " "); got != "a:1 c:1 bb:1" {
		t.Errorf("servers %s", got)
	}
	if got, want := fmt.Sprint(slots[:10]), "[2 2 2 0 0 0 1 1 1 1]"; got != want || slots[10] != ring.NoServer {
		t.Errorf("slots %s, then %d; want %s, then nobody", got, slots[10], want)
	}
}

func BenchmarkMerge(b *testing.B) {
	var answers []answer
	for i := range askedAtOnce {
		answers = append(answers, largeView(500, 50*i))
	}
	m := merge(nil, answers, false).next
	answers[1].view.Owners[0], answers[1].view.Nodes[50].Epoch = 50, 1000
	for b.Loop() {
		merge(m, answers, false).next.lineup()
	}
}
