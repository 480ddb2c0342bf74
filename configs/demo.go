package configs

import (
	"fmt"
	"math"

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

// DemoPorts are the ports of the demo besides that of Redis, each as far from it as by default: 22121 has 22122 for memcached, 22222 for the
// statistics and 22223 for the admin pages. 0: the kernel chooses it.
func DemoPorts(redis int) (memcached, stats, admin int) {
	beside := func(distance int) int {
		if redis == 0 || redis+distance > math.MaxUint16 {
			return 0
		}
		return redis + distance
	}
	return beside(1), beside(22222 - 22121), beside(22223 - 22121)
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
