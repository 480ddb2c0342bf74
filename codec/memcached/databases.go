package memcached

import "cashew/codec"

// noDatabases implements codec.Databases: memcached has none, so that all clients are in 0.
type noDatabases struct{}

func (noDatabases) Home() int                             { return 0 }
func (noDatabases) Databases() int                        { return 0 }
func (noDatabases) Serves(db int) bool                    { return db == 0 }
func (noDatabases) Evict(*codec.Client)                   {}
func (noDatabases) AppendSelect(dst []byte, _ int) []byte { return dst }
func (noDatabases) Selected([]byte, int) bool             { return false }
