package resp

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"cashew/codec"
)

// How a sentinel is asked for a master:
//
//	SENTINEL MASTER name                    the configuration's epoch
//	SENTINEL GET-MASTER-ADDR-BY-NAME name   where the master is; while a failover goes on, of the leader, already the new one
//	SENTINEL SENTINELS name                 who else can be asked
//
// In this order: an address that is newer than its epoch is only believed later, an epoch that is newer than its address would have the old
// master take the place of the new one.
//
// Source: redis 7.0 sentinel.c, sentinelCommand, sentinelGetCurrentMasterAddress and sentinelEvent.

// MasterCommands implements codec.Sentinels.
func (*Protocol) MasterCommands(name string) [][]byte {
	return [][]byte{
		bulks("SENTINEL", "MASTER", name), bulks("SENTINEL", "GET-MASTER-ADDR-BY-NAME", name), bulks("SENTINEL", "SENTINELS", name),
	}
}

// maxSentinels is how many others a sentinel is believed to know.
const maxSentinels = 256

// ParseMaster implements codec.Sentinels.
func (*Protocol) ParseMaster(name string, replies [][]byte) (m codec.Master, err error) {
	m.Name = name
	const addrCommand = "SENTINEL GET-MASTER-ADDR-BY-NAME"
	parsed, err := readReplies(replies, "SENTINEL MASTER", addrCommand, "SENTINEL SENTINELS")
	if err != nil {
		return m, err
	}
	addr := &parsed[1]
	switch err := addr.refusal(addrCommand); {
	case err != nil:
		return m, err
	case addr.isNull():
		return m, nil
	case len(addr.list) != 2:
		return m, errors.New("resp: " + addrCommand + " was answered with another type than it is")
	}
	if m.Addr = addressOf(string(addr.list[0].text), string(addr.list[1].text)); m.Addr == "" {
		return m, errors.New("resp: " + addrCommand + " was answered with no address")
	}
	// A user that may not ask for the rest has epoch 0, which outdoes nobody, and knows of no others.
	m.Epoch, _ = strconv.ParseUint(string(parsed[0].field("config-epoch").text), 10, 64)
	for i := range parsed[2].list[:min(len(parsed[2].list), maxSentinels)] {
		other := &parsed[2].list[i]
		if at := addressOf(string(other.field("ip").text), string(other.field("port").text)); at != "" {
			m.Others = append(m.Others, at)
		}
	}
	return m, nil
}

// events are those of a sentinel that matter, by channel.
var events = []struct {
	channel string
	kind    codec.EventKind
}{
	{"+switch-master", codec.Changed},
	{"+promoted-slave", codec.Changed},
	{"+config-update-from", codec.Changed},
	{"+reset-master", codec.Changed},
	{"+monitor", codec.Changed},
	{"+sentinel", codec.Changed},
	{"-odown", codec.Changed},
	{"+reboot", codec.Changed},
	{"+failover-state-send-slaveof-noone", codec.Promoting},
	{"+failover-end", codec.Settled},
	{"+failover-end-for-timeout", codec.Settled},
	{"-failover-abort-slave-timeout", codec.Settled},
}

var eventCommand = func() []byte {
	command := []string{"SUBSCRIBE"}
	for _, e := range events {
		command = append(command, e.channel)
	}
	return bulks(command...)
}()

// ReplicaCommand implements codec.Sentinels. Sentinels before Redis 5 know it as SENTINEL SLAVES, as all do.
func (*Protocol) ReplicaCommand(name string) []byte { return bulks("SENTINEL", "SLAVES", name) }

// maxReplicas is how many replicas a master is believed to have.
const maxReplicas = 256

// ParseReplicas implements codec.Sentinels.
func (*Protocol) ParseReplicas(reply []byte) (addrs []string, err error) {
	const command = "SENTINEL SLAVES"
	parsed, err := readReplies([][]byte{reply}, command)
	if err != nil {
		return nil, err
	}
	if err := parsed[0].refusal(command); err != nil {
		return nil, err
	}
	for i := range parsed[0].list[:min(len(parsed[0].list), maxReplicas)] {
		r := &parsed[0].list[i]
		if at := addressOf(string(r.field("ip").text), string(r.field("port").text)); at != "" {
			addrs = append(addrs, at)
		}
	}
	return addrs, nil
}

// EventCommand implements codec.Sentinels.
func (*Protocol) EventCommand() []byte { return eventCommand }

// ParseEvent implements codec.Sentinels. What a message says begins, of most events, with the kind of instance that it is about:
//
//	master <name> <ip> <port>
//	slave <name> <ip> <port> @ <master's name> <ip> <port>
//
// and of +switch-master with the master's name.
func (*Protocol) ParseEvent(frame []byte) (e codec.Event, ok bool) {
	v, _, whole := readValue(frame, 0)
	if !whole || len(v.list) != 3 || string(v.list[0].text) != "message" {
		return e, false
	}
	channel := string(v.list[1].text)
	which := -1
	for i := range events {
		if events[i].channel == channel {
			which = i
		}
	}
	if which < 0 {
		return e, false
	}
	e.Kind = events[which].kind
	words := strings.Fields(string(v.list[2].text))
	at := slices.Index(words, "@")
	switch {
	case channel == "+switch-master" && len(words) > 0:
		e.Master = words[0]
	case at >= 0 && at+1 < len(words):
		e.Master = words[at+1]
	case len(words) > 1 && words[0] == "master":
		e.Master = words[1]
	}
	if e.Kind == codec.Promoting && len(words) > 3 && words[0] == "slave" {
		e.Addr = addressOf(words[2], words[3])
	}
	return e, true
}

// roleCommand asks a server whether it is a master.
var roleCommand = bulks("ROLE")

// checkRole looks at the reply to it. A server whose user may not ask, or that does not have the command, is taken at its sentinels' word.
func checkRole(reply []byte) error {
	if len(reply) > 0 && reply[0] == '-' {
		return &codec.RemarkError{Text: "ROLE: " + string(bytes.TrimRight(reply[1:min(len(reply), maxErrorText)], "\r\n"))}
	}
	v, _, ok := readValue(reply, 0)
	switch {
	case !ok || len(v.list) == 0:
		return unexpected("ROLE", reply)
	case string(v.list[0].text) == "master":
		return nil
	}
	return fmt.Errorf("the server is no master: its role is %.20q", v.list[0].text)
}

var _ codec.Sentinels = (*Protocol)(nil)
