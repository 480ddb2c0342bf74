package daemon

import (
	"fmt"
	"io"
	"net"
	"strconv"

	"cashew/configs"
	"cashew/embedded"
	"cashew/engine"
)

// fleet is the embedded default, which only the demo has: in-memory servers of both kinds.
type fleet struct{ redis, memcached *embedded.Servers }

// startFleet starts three servers of each kind.
func startFleet() (f *fleet, err error) {
	f = &fleet{}
	if f.redis, err = embedded.Start(3); err != nil {
		return nil, err
	}
	if f.memcached, err = embedded.StartMemcached(3); err != nil {
		f.Stop()
		return nil, err
	}
	return f, nil
}

// Stop may be called on nil.
func (f *fleet) Stop() {
	if f != nil {
		f.redis.Stop()
		f.memcached.Stop()
	}
}

// options are those of the proxy before the servers: Redis at port, memcached at the next one.
func (f *fleet) options(port int) engine.Options {
	return configs.Demo(
		configs.DemoPool{Listen: loopback(port), Servers: f.redis.Addrs()},
		configs.DemoPool{Listen: loopback(memcachedPort(port)), Servers: f.memcached.Addrs()},
	)
}

func loopback(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

// memcachedPort is the next after the one for Redis, or one that the kernel chooses, too.
func memcachedPort(port int) int {
	if port == 0 {
		return 0
	}
	return port + 1
}

// describe tells a newcomer what is running and what to type next. addrs are those of the pools in options.
func (f *fleet) describe(w io.Writer, addrs []net.Addr) {
	const line = "cashew listens on %s, before %d in-memory %s servers that forget everything at the end:\n"
	fmt.Fprintf(w, line, addrs[0], len(f.redis.Addrs()), "Redis")
	for i, addr := range f.redis.Addrs() {
		fmt.Fprintf(w, "  redis%d  %s\n", i+1, addr)
	}
	fmt.Fprintf(w, line, addrs[1], len(f.memcached.Addrs()), "memcached")
	for i, addr := range f.memcached.Addrs() {
		fmt.Fprintf(w, "  memcached%d  %s\n", i+1, addr)
	}
	_, redis, _ := net.SplitHostPort(addrs[0].String())
	_, mc, _ := net.SplitHostPort(addrs[1].String())
	fmt.Fprintf(w, "Try:\n  redis-cli -p %s set hello world\n  redis-cli -p %s get hello\n"+
		"  printf 'set hello 0 0 5\\r\\nworld\\r\\nget hello\\r\\nquit\\r\\n' | nc 127.0.0.1 %s\nCtrl-C ends it.\n", redis, redis, mc)
}
