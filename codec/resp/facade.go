package resp

import (
	"crypto/sha1" //nolint:gosec // it makes names of addresses, and guards nothing
	"encoding/hex"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"cashew/codec"
)

// What clients of a pool that is a Redis Cluster are told of it: it has one server, the proxy, which has all slots; or so many as Announce
// lists, proxies of a fleet, which share the slots evenly. In truth each of them serves all slots, so nobody is ever sent elsewhere, and
// how the cluster is made shows nowhere. What asks about its keys goes to its servers:
//
//	SLOTS SHARDS NODES MYID ...         told here
//	KEYSLOT                             any server, they all say the same
//	COUNTKEYSINSLOT, GETKEYSINSLOT      who has the slot
//	ADDSLOTS FAILOVER RESET ...         refused
//
// The forms are those of redis 7.0 cluster.c: clusterReplyMultiBulkSlots, clusterReplyShards, clusterGenNodeDescription, clusterCommand.

var (
	opClusterInfo      = mustSub("cluster", "info")
	opClusterNodes     = mustSub("cluster", "nodes")
	opClusterSlots     = mustSub("cluster", "slots")
	opClusterShards    = mustSub("cluster", "shards")
	opClusterLinks     = mustSub("cluster", "links")
	opClusterMyID      = mustSub("cluster", "myid")
	opClusterMyShardID = mustSub("cluster", "myshardid")
	opClusterReplicas  = mustSub("cluster", "replicas")
	opClusterSlaves    = mustSub("cluster", "slaves")
	opClusterReports   = mustSub("cluster", "count-failure-reports")
	opClusterHelp      = mustSub("cluster", "help")
	opClusterKeySlot   = mustSub("cluster", "keyslot")
	opClusterCountKeys = mustSub("cluster", "countkeysinslot")
	opClusterGetKeys   = mustSub("cluster", "getkeysinslot")
)

// errCrossSlot is what a server of a cluster says of keys that are in several slots.
const errCrossSlot = "-CROSSSLOT Keys in request don't hash to the same slot\r\n"

// member is a proxy as clients of a cluster are told of it.
type member struct {
	host, port string
	id         string // 40 hexadecimal digits, always the same for an address
}

// memberAt is the one at an address. A unix socket has no port: "" and 0 are what a server says that does not know its own.
func memberAt(addr string) member {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		host, port = "", "0"
	}
	sum := sha1.Sum([]byte(addr)) //nolint:gosec // see above
	return member{host, port, hex.EncodeToString(sum[:])}
}

// isName says that the host is a name, and no address.
func (m *member) isName() bool {
	_, err := netip.ParseAddr(m.host)
	return err != nil && m.host != ""
}

// members are those of the cluster that cl is told of; self is which of them it is connected to: the one whose address that is, else the only one
// with that port, else the first.
func (p *Protocol) members(cl *codec.Client) (list []member, self int) {
	if len(p.fleet) == 0 {
		return []member{memberAt(cl.LAddr)}, 0
	}
	here := memberAt(cl.LAddr)
	if i := slices.Index(p.fleet, here); i >= 0 {
		return p.fleet, i
	}
	samePort := func(m member) bool { return m.port == here.port }
	if i := slices.IndexFunc(p.fleet, samePort); i >= 0 && !slices.ContainsFunc(p.fleet[i+1:], samePort) {
		return p.fleet, i
	}
	return p.fleet, 0
}

// slotsOf are the first and the last slot of member i of n.
func slotsOf(i, n int) (first, last int) { return i * clusterSlots / n, (i+1)*clusterSlots/n - 1 }

// appendCluster is CLUSTER, and what clients of one say besides, as far as the proxy answers it.
func (p *Protocol) appendCluster(dst []byte, cl *codec.Client, op uint16, args arguments) []byte {
	if !p.cluster {
		return append(dst, errNoCluster...)
	}
	args.next() // the subcommand's name
	list, self := p.members(cl)
	switch op {
	case opReadonly, opReadwrite: // from which server a key is read the pool says, unless it is to be the master
		cl.Masters = op == opReadwrite
		return append(dst, replyOK...)
	case opAsking:
		return append(dst, replyOK...)
	case opClusterSlots:
		return appendSlots(dst, cl.Profile, list)
	case opClusterShards:
		return p.appendShards(dst, cl.Profile, list)
	case opClusterNodes:
		return appendVerbatim(dst, cl.Profile, nodesText(list, self))
	case opClusterInfo:
		return appendVerbatim(dst, cl.Profile, clusterInfo(len(list), self))
	case opClusterMyID, opClusterMyShardID: // a shard of one server may have the name of that
		return appendBulk(dst, list[self].id)
	case opClusterLinks:
		return append(dst, "*0\r\n"...)
	case opClusterReplicas, opClusterSlaves, opClusterReports:
		return appendOfMember(dst, op, args.next(), list)
	case opClusterHelp:
		return appendHelp(dst, clusterHelp)
	}
	dst = append(dst, "-ERR "...)
	dst = append(dst, strings.ToUpper(strings.Replace(commands[op].name, "|", " ", 1))...)
	return append(dst, " is refused by this proxy: what changes the cluster is for its own nodes\r\n"...)
}

// appendSlots is CLUSTER SLOTS: the last element of a member is what else there is to know of where it is.
func appendSlots(dst []byte, pr codec.Profile, list []member) []byte {
	dst = appendHeader(dst, '*', len(list))
	for i := range list {
		m := &list[i]
		first, last := slotsOf(i, len(list))
		dst = appendInt(appendInt(append(dst, "*3\r\n"...), first), last)
		dst = appendBulk(append(dst, "*4\r\n"...), m.host)
		dst = appendPort(dst, m)
		dst = appendMapHeader(appendBulk(dst, m.id), pr, 0)
	}
	return dst
}

func appendPort(dst []byte, m *member) []byte {
	dst = append(dst, ':')
	return append(append(dst, m.port...), crlf...)
}

// appendShards is CLUSTER SHARDS.
func (p *Protocol) appendShards(dst []byte, pr codec.Profile, list []member) []byte {
	dst = appendHeader(dst, '*', len(list))
	for i := range list {
		m := &list[i]
		first, last := slotsOf(i, len(list))
		dst = appendBulk(appendMapHeader(dst, pr, 2), "slots")
		dst = appendInt(appendInt(append(dst, "*2\r\n"...), first), last)
		dst = append(appendBulk(dst, "nodes"), "*1\r\n"...)
		fields := 6 + len(p.portNames)
		if m.isName() {
			fields++
		}
		dst = appendBulk(appendBulk(appendMapHeader(dst, pr, fields), "id"), m.id)
		for _, name := range p.portNames {
			dst = appendPort(appendBulk(dst, name), m)
		}
		dst = appendBulk(appendBulk(dst, "ip"), m.host)
		dst = appendBulk(appendBulk(dst, "endpoint"), m.host)
		if m.isName() {
			dst = appendBulk(appendBulk(dst, "hostname"), m.host)
		}
		dst = appendBulk(appendBulk(dst, "role"), "master")
		dst = appendInt(appendBulk(dst, "replication-offset"), 0)
		dst = appendBulk(appendBulk(dst, "health"), "online")
	}
	return dst
}

// nodesText is what CLUSTER NODES tells, a line for each member. There is no bus, so its port is 0.
func nodesText(list []member, self int) (text []byte) {
	for i := range list {
		m := &list[i]
		first, last := slotsOf(i, len(list))
		text = append(text, m.id+" "+m.host+":"+m.port+"@0"...)
		if m.isName() {
			text = append(text, ","+m.host...)
		}
		text = append(text, ' ')
		if i == self {
			text = append(text, "myself,"...)
		}
		text = append(text, "master - 0 0 "+strconv.Itoa(i+1)+" connected "+strconv.Itoa(first)+"-"+strconv.Itoa(last)+"\n"...)
	}
	return text
}

// clusterInfo is what CLUSTER INFO tells of n members. All is well as long as somebody says so: who of the servers is not shows in INFO.
func clusterInfo(n, self int) []byte {
	var t infoText
	t.text("cluster_state", "ok")
	t.count("cluster_slots_assigned", clusterSlots)
	t.count("cluster_slots_ok", clusterSlots)
	t.count("cluster_slots_pfail", 0)
	t.count("cluster_slots_fail", 0)
	t.count("cluster_known_nodes", int64(n))
	t.count("cluster_size", int64(n))
	t.count("cluster_current_epoch", int64(n))
	t.count("cluster_my_epoch", int64(self+1))
	t.count("cluster_stats_messages_sent", 0)
	t.count("cluster_stats_messages_received", 0)
	t.count("total_cluster_links_buffer_limit_exceeded", 0)
	return t
}

// appendOfMember answers what is asked of one member: it has no replicas, and nobody says that it failed.
func appendOfMember(dst []byte, op uint16, id []byte, list []member) []byte {
	switch {
	case !slices.ContainsFunc(list, func(m member) bool { return equalFold(id, m.id) }):
		dst = append(dst, "-ERR Unknown node "...)
		return append(appendPrintable(dst, id, 128), crlf...)
	case op == opClusterReports:
		return append(dst, ":0\r\n"...)
	}
	return append(dst, "*0\r\n"...)
}

// clusterHelp is what CLUSTER HELP says.
var clusterHelp = []string{
	"CLUSTER <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
	"COUNT-FAILURE-REPORTS <node-id>",
	"    Return number of failure reports for <node-id>.",
	"COUNTKEYSINSLOT <slot>",
	"    Return the number of keys in <slot>.",
	"GETKEYSINSLOT <slot> <count>",
	"    Return key names stored in a slot.",
	"INFO",
	"    Return information about the cluster, as the proxy shows it.",
	"KEYSLOT <key>",
	"    Return the hash slot for <key>.",
	"LINKS",
	"    Return an empty list: proxies have no links.",
	"MYID",
	"    Return the node id.",
	"NODES",
	"    Return the proxies that serve the cluster. Output format:",
	"    <id> <ip:port> <flags> <master> <pings> <pongs> <epoch> <link> <slot> ...",
	"REPLICAS <node-id>",
	"    Return <node-id> replicas.",
	"SLOTS",
	"    Return information about slots range mappings. Each range is made of:",
	"    start, end, master and replicas IP addresses, ports and ids",
	"SHARDS",
	"    Return information about slot range mappings and the nodes associated with them.",
	"HELP",
	"    Prints this help.",
}

// asksOfSlot fills cmd for CLUSTER COUNTKEYSINSLOT or GETKEYSINSLOT. What is no slot any server refuses.
func asksOfSlot(cmd *codec.Command) {
	args := argsOf(cmd.Frame)
	args.next()
	args.next()
	slot, ok := parseInt(args.next())
	if !ok || slot < 0 || slot >= clusterSlots {
		cmd.Kind, cmd.Key = codec.Anywhere, placeholder
		return
	}
	cmd.Kind, cmd.Key = codec.OfSlot, slotKeys[slot][:]
}

// slotKeys has a key of each slot. Of the CRC16 that slots are made of there is one pair of bytes for each value: that is what comes out
// if the register is turned back by the sixteen bits that the pair has.
//
// Source: Redis Cluster specification, "Key distribution model": XMODEM, polynomial 0x1021.
var slotKeys = func() (keys [clusterSlots][2]byte) {
	const polynomial = 0x1021
	for slot := range keys {
		r := uint16(slot)
		for range 16 {
			if r&1 != 0 { // the polynomial was added, whose last bit it is
				r = (r^polynomial)>>1 | 1<<15
			} else {
				r >>= 1
			}
		}
		keys[slot] = [2]byte{byte(r >> 8), byte(r)}
	}
	return keys
}()
