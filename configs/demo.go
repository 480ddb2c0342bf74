package configs

import (
	"fmt"

	"cashew/codec"
	"cashew/codec/memcached"
	"cashew/codec/resp"
	"cashew/engine"
	"cashew/topology"
)

// DemoPool is what differs between the pools of the demo: where one listens, and the servers that it is before, both as
// host:port.
type DemoPool struct {
	Listen  string
	Servers []string
}

// Demo returns the options of the demo, which has no file: one pool for each kind of server, with a file's defaults.
func Demo(redis, mc DemoPool) engine.Options {
	o := engine.DefaultOptions()
	o.SettingNames = settingNames()
	o.Pools = []engine.PoolOptions{
		redis.options("redis", resp.New(resp.Options{})),
		mc.options("memcached", memcached.New(memcached.Options{Admin: true})),
	}
	return o
}

func (d *DemoPool) options(name string, p codec.Protocol) engine.PoolOptions {
	pool := engine.DefaultPool(name)
	pool.Protocol = p
	pool.Listen = engine.Listen{Text: d.Listen, Network: "tcp", Addr: d.Listen}
	for i, addr := range d.Servers {
		pool.Servers = append(pool.Servers, topology.ServerOptions{
			Name:    fmt.Sprintf("%s%d", name, i+1), // by name, so that keys stay where they are whatever the ports
			PName:   addr + ":1",
			Network: "tcp",
			Addr:    addr,
			Weight:  1,
		})
	}
	return pool
}
