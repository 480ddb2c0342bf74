package resp

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"cashew/codec"
	"cashew/codec/work"
)

// How a server is asked how it stands in the replication:
//
//	INFO replication   its role, the history of its writes and how far it is in that; of a replica the link to its master, too
//	INFO persistence   whether it loads
//	INFO server        where it stands, as Valkey is told by availability-zone
//	INFO commandstats  in a cluster: how often it carried out MIGRATE, as slots move
//
// One INFO of several sections is for Redis 7 and above alone.
//
// Source: redis 7.0 server.c, genRedisInfoString; replication.c, replicationGetSlaveOffset: the offset is that of what was carried out,
// not of what was read; valkey 8.1 server.c, genValkeyInfoString.
var replicationCommands = [][]byte{bulks("INFO", "replication"), bulks("INFO", "persistence"), bulks("INFO", "server"), bulks("INFO", "commandstats")}

// ReplicationCommands implements codec.Replicated.
func (p *Protocol) ReplicationCommands() [][]byte {
	if p.cluster {
		return replicationCommands
	}
	return replicationCommands[:len(replicationCommands)-1]
}

// ParseReplication implements codec.Replicated.
func (p *Protocol) ParseReplication(replies [][]byte) (r codec.Replication, err error) {
	names := []string{"INFO replication", "INFO persistence", "INFO server", "INFO commandstats"}
	parsed, err := readReplies(replies, names[:len(p.ReplicationCommands())]...)
	if err != nil {
		return r, err
	}
	for i := range parsed[:2] { // the others are no need
		if err := parsed[i].refusal(names[i]); err != nil {
			return r, err
		}
	}
	at := infoFields(parsed[0].text)
	switch role := at("role"); role {
	case "master":
		r.IsMaster = true
	case "slave", "replica":
	default:
		return r, fmt.Errorf("resp: INFO replication tells the role %.100q", role)
	}
	offset := "master_repl_offset"
	if !r.IsMaster {
		offset = "slave_repl_offset"
	}
	if r.Offset, err = strconv.ParseInt(at(offset), 10, 64); err != nil {
		return r, fmt.Errorf("resp: INFO replication has no %s", offset)
	}
	r.History = at("master_replid")
	r.Linked, r.Syncing = at("master_link_status") == "up", at("master_sync_in_progress") != "0" && !r.IsMaster
	r.Loading = infoFields(parsed[1].text)("loading") != "0"
	r.Zone = infoFields(parsed[2].text)("availability_zone")
	if !p.cluster {
		return r, nil
	}
	calls, _, _ := strings.Cut(strings.TrimPrefix(infoFields(parsed[3].text)("cmdstat_migrate"), "calls="), ",")
	r.Migrations, _ = strconv.ParseInt(calls, 10, 64) // none, where it never did
	return r, nil
}

// checkReplica says whether a server may answer reads for its master: as one that has just been started it may have nothing, or what was once.
// One that has lost its master still has what it had. A server whose user may not ask is trusted.
//
// Source: redis 7.0 server.c, genRedisInfoString: master_link_down_since_seconds is -1 before the link was ever up.
func checkReplica(reply []byte) error {
	if len(reply) > 0 && reply[0] == '-' {
		return &codec.RemarkError{Text: "INFO: " + string(bytes.TrimRight(reply[1:min(len(reply), maxErrorText)], "\r\n"))}
	}
	v, _, ok := readValue(reply, 0)
	if !ok || v.text == nil {
		return unexpected("INFO", reply)
	}
	at := infoFields(v.text)
	switch {
	case at("role") == "master":
		return errors.New("the server is no replica, but a master")
	case at("master_sync_in_progress") == "1":
		return errors.New("the replica is being given all that its master has")
	case at("master_link_status") != "up" && at("master_link_down_since_seconds") == "-1":
		return errors.New("the replica has not heard of its master since it was started")
	}
	return nil
}

// infoFields finds fields in a text of INFO; one that is not there is "".
func infoFields(text []byte) func(name string) string {
	return func(name string) string {
		for line := range bytes.Lines(text) {
			if field, value, ok := bytes.Cut(bytes.TrimRight(line, crlf), []byte(":")); ok && string(field) == name {
				return string(value)
			}
		}
		return ""
	}
}

// cursors are reads that begin where an earlier one of them ended, as the same server alone knows: each has its own table, and hashes
// otherwise.
var cursors = []uint16{mustOp("hscan"), mustOp("sscan"), mustOp("zscan")}

// ReadOps are the commands that may be asked of a replica, as bits by Op: those that only read keys, and need no server that knows what
// it was asked before.
func ReadOps() []bool {
	list := make([]bool, len(commands))
	for op := 1; op < len(commands); op++ {
		c := &commands[op]
		list[op] = classes[op] == work.Read && (c.kind == forward || c.kind == split) && !slices.Contains(cursors, uint16(op))
	}
	return list
}

// OpsOf are the commands that are called name, or in the category "@name", as ReadOps has them; nil: there are none.
func OpsOf(name string) []bool {
	list, some := make([]bool, len(commands)), false
	category := category(trimAt(name))
	for op := 1; op < len(commands); op++ {
		c := &commands[op]
		if name[0] == '@' {
			list[op] = categoriesOf(c, false)&category != 0
		} else {
			list[op] = c.name == name
		}
		some = some || list[op]
	}
	if !some {
		return nil
	}
	return list
}

// trimAt is the name of a category, which "@" stands before; "": it is none.
func trimAt(name string) string {
	if name[0] != '@' {
		return ""
	}
	return name[1:]
}

// ReadNames are the names that OpsOf has commands for which may be asked of a replica.
func ReadNames() (names []string) {
	reads := ReadOps()
	for _, name := range slices.Concat(categoryNames, commandNames()) {
		if slices.Contains(categoryNames, name) {
			names = append(names, "@"+name)
		}
	}
	for op := range reads {
		if reads[op] {
			names = append(names, commands[op].name)
		}
	}
	return slices.DeleteFunc(names, func(name string) bool {
		ops := OpsOf(name)
		for op := range reads {
			if reads[op] && ops != nil && ops[op] {
				return false
			}
		}
		return true
	})
}
