package configs

import (
	"cashew/codec"
	"cashew/codec/memcached"
	"cashew/codec/resp"
)

// memcachedLine is what a storage command has around its data block at most.
const memcachedLine = 4 << 10

// newProtocol returns what speaks for a pool.
func newProtocol(p *pool, maxRequest int) codec.Protocol {
	if p.redis {
		return resp.New(resp.Options{Password: p.redisAuth, DB: p.redisDB, Databases: p.databases, Commands: p.commands, Learn: !p.refusesUnknown})
	}
	return memcached.New(memcached.Options{Admin: p.memcachedAdmin, MaxValue: max(maxRequest-memcachedLine, 1)})
}
