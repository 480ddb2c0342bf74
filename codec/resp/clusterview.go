package resp

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"

	"cashew/codec"
)

// How a server of a Redis Cluster is asked for its view:
//
//	CLUSTER SLOTS   who has which slot, and where to connect to: by host name or address as cluster-preferred-endpoint-type says, at the
//	                port for TLS if we ask over TLS
//	CLUSTER NODES   the configurations' epochs, masters that have no slot yet, replicas, and which of them all answers
//	CLUSTER INFO    whether the server thinks that all is well
//
// CLUSTER SHARDS, which Redis 7 has in place of the first, tells no epochs, so that CLUSTER NODES would be asked all the same; it gives
// both ports and leaves it to us which one is meant; and Redis before 7, and much that is compatible with it, lacks it. CLUSTER SLOTS
// was deprecated for it, and is not any more.
//
// Source: redis.io/commands/cluster-slots, cluster-nodes and cluster-info; redis 7.0 cluster.c, clusterReplyMultiBulkSlots and
// clusterGenNodeDescription.
var viewCommands = [][]byte{bulks("CLUSTER", "SLOTS"), bulks("CLUSTER", "NODES"), bulks("CLUSTER", "INFO")}

// ViewCommands implements codec.Clustered.
func (*Protocol) ViewCommands() [][]byte { return viewCommands }

const (
	maxMasters = clusterSlots // Redis has no more
	maxNodeID  = 128          // Redis has 40
)

// ParseView implements codec.Clustered.
func (*Protocol) ParseView(addr string, replies [][]byte) (*codec.View, error) {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, fmt.Errorf("resp: a view of a cluster from %q", addr)
	}
	names := []string{"CLUSTER SLOTS", "CLUSTER NODES", "CLUSTER INFO"}
	parsed, err := readReplies(replies, names...)
	if err != nil {
		return nil, err
	}
	for i := range parsed {
		if err := parsed[i].refusal(names[i]); err != nil {
			return nil, err
		}
	}
	if parsed[0].kind != '*' || parsed[1].text == nil || parsed[2].text == nil {
		return nil, errors.New("resp: CLUSTER SLOTS, NODES and INFO were answered with other types than they are")
	}
	r := viewReader{asked: host, view: &codec.View{Owners: make([]int32, clusterSlots)}, index: make(map[string]int32), known: make(map[string]*nodeLine)}
	for i := range r.view.Owners {
		r.view.Owners[i] = -1
	}
	r.nodes(parsed[1].text)
	if err := r.slots(&parsed[0]); err != nil {
		return nil, err
	}
	if err := r.idle(); err != nil {
		return nil, err
	}
	r.copies()
	r.view.Well = bytes.Contains(parsed[2].text, []byte("cluster_state:ok"))
	return r.view, nil
}

// viewReader makes a view of replies.
type viewReader struct {
	asked string // host
	view  *codec.View
	index map[string]int32     // of view.Nodes, by ID
	lines []*nodeLine          // of CLUSTER NODES
	known map[string]*nodeLine // by ID, and by "host:port", where servers before Redis 4 have no IDs in CLUSTER SLOTS
	named bool                 // CLUSTER SLOTS gives names where servers have some
}

// nodeLine is a server in CLUSTER NODES:
//
//	<id> <ip:port@cport[,hostname[,...]]> <flags> <master> <ping-sent> <pong-recv> <config-epoch> <link-state> <slot> ...
type nodeLine struct {
	id, ip, port, name string
	flags              []string
	master             string // of a replica: the ID of its master
	epoch              uint64
}

func (n *nodeLine) is(flag string) bool { return slices.Contains(n.flags, flag) }

// nodes reads CLUSTER NODES. A line that is none is passed over: without it a server has the epoch 0, which outdoes nobody.
func (r *viewReader) nodes(text []byte) {
	for line := range bytes.Lines(text) {
		words := strings.Fields(string(line))
		if len(words) < 8 || len(words[0]) > maxNodeID || len(r.lines) >= 4*maxMasters {
			continue
		}
		epoch, err := strconv.ParseUint(words[6], 10, 64)
		if err != nil {
			continue
		}
		n := &nodeLine{id: words[0], flags: strings.Split(words[2], ","), master: words[3], epoch: epoch}
		at, names, _ := strings.Cut(words[1], ",")
		n.name, _, _ = strings.Cut(names, ",")
		at, _, _ = strings.Cut(at, "@")
		if i := strings.LastIndexByte(at, ':'); i >= 0 {
			n.ip, n.port = at[:i], at[i+1:]
		}
		r.lines = append(r.lines, n)
		r.known[n.id], r.known[net.JoinHostPort(n.ip, n.port)] = n, n
		if n.is("myself") {
			r.view.Self = n.id
		}
		if n.is("slave") {
			r.view.Replicas = append(r.view.Replicas, n.id)
		}
	}
}

// slots reads CLUSTER SLOTS: of each range its first slot, its last, its master and the replicas of that.
func (r *viewReader) slots(list *value) error {
	for i := range list.list {
		e := list.list[i].list
		if len(e) < 3 {
			continue // a range without a server
		}
		first, ok1 := e[0].number()
		last, ok2 := e[1].number()
		if !ok1 || !ok2 || first < 0 || first > last || last >= clusterSlots {
			return errors.New("resp: CLUSTER SLOTS has a range that is none")
		}
		owner, err := r.master(e[2].list)
		if err != nil {
			return err
		}
		for s := first; s <= last; s++ {
			if r.view.Owners[s] >= 0 { // and so all of it takes no longer than there are slots
				return fmt.Errorf("resp: CLUSTER SLOTS tells of slot %d twice", s)
			}
			r.view.Owners[s] = owner
		}
	}
	return nil
}

// master is the index of the master of a range: its endpoint, its port, its ID, and what else is known of it.
func (r *viewReader) master(e []value) (int32, error) {
	if len(e) < 2 {
		return -1, errors.New("resp: CLUSTER SLOTS has a server without a port")
	}
	port := string(e[1].text)
	var id string
	if len(e) > 2 {
		id = string(e[2].text)
	}
	line := r.known[id]
	if line == nil {
		line = r.known[net.JoinHostPort(string(e[0].text), port)]
	}
	if id == "" && line != nil {
		id = line.id
	} else if id == "" {
		id = net.JoinHostPort(string(e[0].text), port)
	}
	if i, ok := r.index[id]; ok {
		return i, nil
	}
	host := r.host(e)
	if line != nil && host == line.name && host != line.ip {
		r.named = true
	}
	at := addressOf(host, port)
	if at == "" {
		return -1, fmt.Errorf("resp: CLUSTER SLOTS has a server at %.300q, where nobody can connect to", host+":"+port)
	}
	return r.add(id, at, line)
}

// host is where a server is: its endpoint; but where that is a name and the server has none, "?", its address if it is told; and where
// there is no endpoint, the host that we asked.
func (r *viewReader) host(e []value) string {
	host := string(e[0].text)
	if host == "?" && len(e) > 3 {
		host = string(e[3].field("ip").text)
	}
	if host == "" || host == "?" {
		return r.asked
	}
	return host
}

// add enters a master at an address.
func (r *viewReader) add(id, at string, line *nodeLine) (int32, error) {
	if len(r.view.Nodes) >= maxMasters || len(id) > maxNodeID {
		return -1, errors.New("resp: a view of a cluster with more masters, or longer names of them, than there can be")
	}
	node := codec.Node{ID: id, Addr: at}
	if line != nil {
		node.Epoch = line.epoch
	}
	i := int32(len(r.view.Nodes))
	r.view.Nodes = append(r.view.Nodes, node)
	r.index[id] = i
	return i, nil
}

// idle enters the masters that have no slot: one that is about to get its first is asked before it has it.
func (r *viewReader) idle() error {
	for _, n := range r.lines {
		if _, has := r.index[n.id]; has || !n.is("master") || n.is("fail") || n.is("handshake") || n.is("noaddr") {
			continue
		}
		at := r.addr(n)
		if at == "" {
			continue // nobody can connect to it as we do
		}
		if _, err := r.add(n.id, at, n); err != nil {
			return err
		}
	}
	return nil
}

// addr is where a server is that no range of CLUSTER SLOTS has as its master; "": nobody can connect to it as we do.
func (r *viewReader) addr(n *nodeLine) string {
	host := n.ip
	if r.named && n.name != "" {
		host = n.name
	}
	if host == "" && n.is("myself") {
		host = r.asked
	}
	return addressOf(host, n.port)
}

// copies enters the replicas, those that do not answer as well: whether they do is seen when they are asked.
func (r *viewReader) copies() {
	for _, n := range r.lines {
		if !n.is("slave") || n.is("handshake") || n.is("noaddr") || n.master == "-" || len(n.master) > maxNodeID {
			continue
		}
		if at := r.addr(n); at != "" {
			r.view.Copies = append(r.view.Copies, codec.Copy{ID: n.id, Addr: at, Of: n.master})
		}
	}
}
