package configs

import (
	"cashew/codec"
	"cashew/codec/resp"
)

// newProtocol returns what speaks for a pool, or nil for a memcached pool, which is not served yet.
func newProtocol(redis bool, password string, db int) codec.Protocol {
	if !redis {
		return nil
	}
	return resp.New(resp.Options{Password: password, DB: db})
}
