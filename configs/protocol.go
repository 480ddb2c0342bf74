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
		return resp.New(resp.Options{
			Password: p.auth.text, Login: resp.Login{User: p.user.text, Password: p.password.text}, Logins: p.logins, Shown: p.shown,
			DB: p.redisDB, Databases: p.databases, Commands: p.commands, Learn: !p.refusesUnknown, Private: p.private(), Users: p.users,
			Sentinels: len(p.Sentinels) > 0, SentinelLogin: resp.Login{User: p.sentinelUser.text, Password: p.sentinelPassword.text},
			Cluster: p.Cluster, Announce: p.announce, PortNames: p.portNames(),
		})
	}
	return memcached.New(memcached.Options{Admin: p.memcachedAdmin, MaxValue: max(maxRequest-memcachedLine, 1), Users: p.users})
}
