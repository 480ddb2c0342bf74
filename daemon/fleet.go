package daemon

import (
	"fmt"
	"io"
	"net"
	"os"
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

// options are those of the proxy before the servers: Redis at port, all else beside it.
func (f *fleet) options(port int) engine.Options {
	memcached, _, admin := configs.DemoPorts(port)
	o := configs.Demo(
		configs.DemoPool{Listen: loopback(port), Servers: f.redis.Addrs()},
		configs.DemoPool{Listen: loopback(memcached), Servers: f.memcached.Addrs()},
	)
	o.Admin = loopback(admin)
	return o
}

func loopback(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

// describe tells a newcomer what is running and what to type next. addrs are those of the pools in options.
func (f *fleet) describe(w io.Writer, addrs []net.Addr, s *service) {
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
	explain := os.Args[0] + " explain hello"
	if s.pages == nil {
		fmt.Fprintf(w, "No dashboard: its port is taken. %s\n", moveAll)
	} else {
		at := s.pages.Addr().String()
		fmt.Fprintf(w, "Dashboard: http://%s/\n", at)
		if at != engine.DefaultAdmin {
			explain = os.Args[0] + " explain --admin " + at + " hello"
		}
	}
	if s.stats == nil {
		fmt.Fprintf(w, "No statistics port: it is taken, perhaps by a nutcracker. %s\n", moveAll)
	}
	fmt.Fprintf(w, "Try:\n  redis-cli -p %s set hello world\n  redis-cli -p %s get hello\n", redis, redis)
	if s.pages != nil {
		fmt.Fprintf(w, "  %s\n", explain)
	}
	fmt.Fprintf(w, "  printf 'set hello 0 0 5\\r\\nworld\\r\\nget hello\\r\\nquit\\r\\n' | nc 127.0.0.1 %s\n", mc)
	fmt.Fprintf(w, "In-memory Redis lacks some commands, such as SORT and most of OBJECT: %s help demo lists them.\n", os.Args[0])
	fmt.Fprintln(w, "Ctrl-C ends it.")
}

// moveAll is what to do about a port that is taken.
const moveAll = "Other ports for all: cashew demo --embedded-port=22131, or make run PORT=22131"
