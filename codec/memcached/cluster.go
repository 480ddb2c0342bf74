package memcached

import (
	"errors"

	"cashew/codec"
)

// noCluster implements codec.Clustered: memcached has none.
type noCluster struct{}

func (noCluster) ViewCommands() [][]byte { return nil }
func (noCluster) ParseView(string, [][]byte) (*codec.View, error) {
	return nil, errors.New("memcached has no clusters")
}
func (noCluster) Redirection([]byte) (slot int, addr []byte, ok bool) { return 0, nil, false }
func (noCluster) Aborted([]byte) bool                                 { return false }
func (noCluster) AppendUnserved(dst []byte, _ bool) []byte            { return dst }
func (noCluster) Asking() []byte                                      { return nil }

// noSentinels implements codec.Sentinels: memcached has none.
type noSentinels struct{}

func (noSentinels) MasterCommands(string) [][]byte { return nil }
func (noSentinels) ParseMaster(string, [][]byte) (codec.Master, error) {
	return codec.Master{}, errors.New("memcached has no sentinels")
}
func (noSentinels) ReplicaCommand(string) []byte { return nil }
func (noSentinels) ParseReplicas([]byte) ([]string, error) {
	return nil, errors.New("memcached has no sentinels")
}
func (noSentinels) EventCommand() []byte                       { return nil }
func (noSentinels) ParseEvent([]byte) (e codec.Event, ok bool) { return e, false }

// noReplicas implements codec.Replicated: memcached has none.
type noReplicas struct{}

func (noReplicas) ReplicationCommands() [][]byte { return nil }
func (noReplicas) ParseReplication([][]byte) (r codec.Replication, err error) {
	return r, errors.New("memcached has no replicas")
}
