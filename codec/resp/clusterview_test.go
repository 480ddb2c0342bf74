package resp

import (
	"bytes"
	"fmt"
	"net"
	"strings"
	"testing"

	"cashew/codec"
)

// clusterReplies are what a server answers to ViewCommands. slots has a range a line: first, last, and the words of each server, with
// slashes between; the second word is the port. Behind the third, the ID, pairs are what Redis 7 tells besides.
func clusterReplies(slots, nodes, info string) [][]byte {
	bulk := func(s string) string {
		if s == "NULL" {
			return "$-1\r\n"
		}
		return fmt.Sprintf("$%d\r\n%s\r\n", len(s), s)
	}
	var ranges []string
	for line := range strings.Lines(slots) {
		words := strings.Fields(line)
		text := fmt.Sprintf("*%d\r\n:%s\r\n:%s\r\n", len(words), words[0], words[1])
		for _, server := range words[2:] {
			parts := strings.Split(server, "/")
			server := bulk(strings.TrimPrefix(parts[0], "EMPTY")) + ":" + parts[1] + "\r\n"
			for _, id := range parts[2:min(3, len(parts))] {
				server += bulk(id)
			}
			if len(parts) > 3 {
				server += fmt.Sprintf("*%d\r\n", len(parts)-3)
				for _, more := range parts[3:] {
					server += bulk(more)
				}
			}
			text += fmt.Sprintf("*%d\r\n", min(len(parts), 4)) + server
		}
		ranges = append(ranges, text)
	}
	return [][]byte{[]byte(fmt.Sprintf("*%d\r\n", len(ranges)) + strings.Join(ranges, "")), []byte(bulk(nodes)), []byte(bulk(info))}
}

// viewText is a view: who says so, whether all is well, of each node its ID, address, epoch and slots, and which are replicas.
func viewText(v *codec.View) string {
	words := []string{v.Self, fmt.Sprint(v.Well)}
	for i, n := range v.Nodes {
		word := fmt.Sprintf("%s %s %d", n.ID, n.Addr, n.Epoch)
		for s := 0; s < len(v.Owners); s++ {
			if v.Owners[s] != int32(i) {
				continue
			}
			first := s
			for s+1 < len(v.Owners) && v.Owners[s+1] == int32(i) {
				s++
			}
			word += fmt.Sprintf(" %d-%d", first, s)
		}
		words = append(words, word)
	}
	return strings.Join(append(words, v.Replicas...), "; ")
}

const (
	wellInfo = "cluster_state:ok\r\ncluster_slots_assigned:16384\r\ncluster_current_epoch:9\r\ncluster_my_epoch:1\r\n"
	// threeNodes has a master, one with a replica, and one without slots.
	threeNodes = "aa 10.0.0.1:7000@17000 myself,master - 0 0 1 connected 0-99 200 [77->-bb]\n" +
		"bb 10.0.0.2:7000@17000 master - 0 1700000000000 5 connected 100-199 201-16383\n" +
		"rr 10.0.0.3:7000@17000 slave bb 0 1700000000000 5 connected\n" +
		"cc 10.0.0.4:7000@17000 master - 0 1700000000000 0 connected\n" +
		"dd 10.0.0.5:7000@17000 master,fail - 0 1700000000000 0 disconnected\n" +
		"ee :0@0 master,noaddr - 0 1700000000000 0 disconnected\n" +
		"ff 10.0.0.6:7000@17000 handshake - 0 0 0 connected\n"
	twoMasters = "0 99 10.0.0.1/7000/aa\n200 200 10.0.0.1/7000/aa\n100 199 10.0.0.2/7000/bb 10.0.0.3/7000/rr\n201 16383 10.0.0.2/7000/bb 10.0.0.3/7000/rr\n"
)

// TestParseView: what servers of several versions say.
func TestParseView(t *testing.T) {
	for _, c := range []struct{ name, slots, nodes, info, want string }{
		{
			"redis 6", twoMasters, threeNodes, wellInfo,
			"aa; true; aa 10.0.0.1:7000 1 0-99 200-200; bb 10.0.0.2:7000 5 100-199 201-16383; cc 10.0.0.4:7000 0; rr",
		},
		{
			"redis 3: no IDs, no bus ports", "0 16383 10.0.0.1/7000 10.0.0.3/7000\n", "aa 10.0.0.1:7000 myself,master - 0 0 4 connected 0-16383\n", wellInfo,
			"aa; true; aa 10.0.0.1:7000 4 0-16383",
		},
		{
			"host names", "0 99 a.example/7000/aa/ip/10.0.0.1\n100 16383 ?/7001/bb/ip/10.0.0.2\n",
			"aa 10.0.0.1:7000@17000,a.example myself,master - 0 0 1 connected 0-99\nbb 10.0.0.2:7001@17001 master - 0 0 2 connected 100-16383\n" +
				"cc 10.0.0.3:7000@17000,c.example,shard-id=x master - 0 0 3 connected\n", wellInfo,
			"aa; true; aa a.example:7000 1 0-99; bb 10.0.0.2:7001 2 100-16383; cc c.example:7000 3",
		},
		{
			"no endpoint, or an empty one: the host that was asked", "0 99 NULL/7000/aa\n100 199 EMPTY/7001/bb\n200 299 ?/7002/cc\n", "", "",
			"; false; aa asked:7000 0 0-99; bb asked:7001 0 100-199; cc asked:7002 0 200-299",
		},
		{
			"alone, and not met by anybody", "0 16383 EMPTY/7000/aa\n", "aa :7000@17000 myself,master - 0 0 0 connected 0-16383\n", "cluster_state:ok\r\n",
			"aa; true; aa asked:7000 0 0-16383",
		},
		{
			"alone without slots", "", "aa :7000@17000 myself,master - 0 0 0 connected\n", "cluster_state:fail\r\n",
			"aa; false; aa asked:7000 0",
		},
		{"IPv6", "0 16383 2001:db8::1/7000/aa\n", "aa 2001:db8::1:7000@17000 myself,master - 0 0 7 connected 0-16383\n", wellInfo, "aa; true; aa [2001:db8::1]:7000 7 0-16383"},
		{"a range of nobody", "0 99\n100 199 10.0.0.1/7000/aa\n", "", "", "; false; aa 10.0.0.1:7000 0 100-199"},
		{"a server that no line is about", "0 9 10.0.0.1/7000/aa\n", "garbage\nbb 10.0.0.2:7000 master - 0 0 x connected\n", "", "; false; aa 10.0.0.1:7000 0 0-9"},

		{"a port that is none", "0 9 10.0.0.1/0/aa\n", "", "", "error: at \"10.0.0.1:0\""},
		{"a host that is none", "0 9 a\tb/7000/aa\n", "", "", "error: where nobody can connect to"},
		{"a slot too many", "0 16384 10.0.0.1/7000/aa\n", "", "", "error: range that is none"},
		{"a range that goes back", "9 0 10.0.0.1/7000/aa\n", "", "", "error: range that is none"},
		{"a slot twice", "0 9 10.0.0.1/7000/aa\n9 10 10.0.0.1/7000/aa\n", "", "", "error: slot 9 twice"},
		{"a slot below all", "-1 5 10.0.0.1/7000/aa\n", "", "", "error: range that is none"},
		{"an ID too long", "0 9 10.0.0.1/7000/" + strings.Repeat("a", 200) + "\n", "", "", "error: longer names"},
	} {
		t.Run(c.name, func(t *testing.T) {
			v, err := New(Options{Cluster: true}).ParseView("asked:1", clusterReplies(strings.ReplaceAll(c.slots, "\t", "\x01"), c.nodes, c.info))
			want, wrong := strings.CutPrefix(c.want, "error: ")
			switch {
			case wrong && (err == nil || !strings.Contains(err.Error(), want)):
				t.Errorf("error %v; want %q in it", err, want)
			case !wrong && err != nil:
				t.Error(err)
			case !wrong && viewText(v) != want:
				t.Errorf("view\n%s\nwant\n%s", viewText(v), want)
			}
		})
	}
	for _, replies := range [][]string{
		{},
		{"-ERR This instance has cluster support disabled\r\n", "$0\r\n\r\n", "$0\r\n\r\n"},
		{"*0\r\n", "*0\r\n", "$0\r\n\r\n"},
		{"*0\r\n", "$-1\r\n", "$0\r\n\r\n"},
		{"*1\r\n", "$0\r\n\r\n", "$0\r\n\r\n"},
		{"*0\r\n*0\r\n", "$0\r\n\r\n", "$0\r\n\r\n"},
	} {
		var whole [][]byte
		for _, r := range replies {
			whole = append(whole, []byte(r))
		}
		if v, err := New(Options{}).ParseView("asked:1", whole); err == nil {
			t.Errorf("%q is the view %s", replies, viewText(v))
		}
	}
}

// TestViewCommands: there is a reply for each, and each is a command.
func TestViewCommands(t *testing.T) {
	if got := string(bytes.Join(New(Options{}).ViewCommands(), nil)); got != "*2\r\n$7\r\nCLUSTER\r\n$5\r\nSLOTS\r\n*2\r\n$7\r\nCLUSTER\r\n$5\r\nNODES\r\n*2\r\n$7\r\nCLUSTER\r\n$4\r\nINFO\r\n" {
		t.Errorf("ViewCommands = %q", got)
	}
}

// FuzzParseView: whatever servers say, it is no view, or one in which all is in its bounds.
func FuzzParseView(f *testing.F) {
	for _, r := range [][][]byte{clusterReplies(twoMasters, threeNodes, wellInfo), clusterReplies("0 9 ?/7000/aa/ip/10.0.0.1\n", "aa :7000@1,x myself,master - 0 0 1 c\n", "")} {
		f.Add(r[0], r[1], r[2])
	}
	p := New(Options{Cluster: true})
	f.Fuzz(func(t *testing.T, slots, nodes, info []byte) {
		v, err := p.ParseView("asked:1", [][]byte{slots, nodes, info})
		if err != nil {
			return
		}
		if len(v.Owners) != clusterSlots || len(v.Nodes) > maxMasters {
			t.Fatalf("%d slots, %d nodes", len(v.Owners), len(v.Nodes))
		}
		ids := make(map[string]bool)
		for _, n := range v.Nodes {
			if _, port, err := net.SplitHostPort(n.Addr); err != nil || port == "0" || n.ID == "" || ids[n.ID] {
				t.Fatalf("node %+v: %v", n, err)
			}
			ids[n.ID] = true
		}
		for _, owner := range v.Owners {
			if owner < -1 || int(owner) >= len(v.Nodes) {
				t.Fatalf("owner %d of %d nodes", owner, len(v.Nodes))
			}
		}
	})
}
