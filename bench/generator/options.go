package generator

import (
	"errors"
	"flag"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// options are the flags of the command line.
type options struct {
	addr         string
	protocolName string
	test         test
	clients      int
	idleClients  int
	requests     int
	pipeline     int
	keys         int     // that exist; requests take one at random
	size         int     // of a value, in bytes
	zipf         float64 // how much likelier the first keys are than the last; 0: none is
	rate         float64
	limit        time.Duration
	hold         bool
	prefix       string // of keys

	grace time.Duration // after the limit, for what is on its way
}

// test is what is asked for. A request is a set or a get of one key, or of several.
type test struct {
	name  string
	keys  int  // of one request
	multi bool // MGET or MSET; memcached has its get for any number of keys
	sets  int  // of 10,000 requests

	fields int // of the hash at a key, all of which are asked for; 0: it is a string
}

// transaction is the test of a set and a get between MULTI and EXEC.
const transaction = "multi"

// allRequests is what test.sets counts of.
const allRequests = 10_000

func parse(args []string) (options, error) {
	o := options{grace: 10 * time.Second}
	fs := flag.NewFlagSet("bench load", flag.ContinueOnError)
	fs.StringVar(&o.addr, "addr", "", "host:port of a server or a proxy")
	fs.StringVar(&o.protocolName, "protocol", "", "redis or memcached")
	name := fs.String("test", "get", "set, get, mixed (see -writes), mgetN and msetN, hgetallN (fields), multi (a transaction of both) and publish (to all clients) (redis), getN (memcached)")
	fs.IntVar(&o.clients, "clients", 1, "connections that send requests")
	fs.IntVar(&o.idleClients, "idle", 0, "more connections, which never send anything")
	fs.IntVar(&o.requests, "requests", 1, "of all connections")
	fs.IntVar(&o.pipeline, "pipeline", 1, "requests that a connection sends at once")
	fs.IntVar(&o.keys, "keys", 1, "keys, each as likely as any other but for -zipf")
	fs.Float64Var(&o.zipf, "zipf", 0, "the n-th key is asked for by its rank to minus this: from 0, no difference, to below 1")
	writes := fs.Float64("writes", 20, "of mixed: how many of 100 requests set")
	fs.IntVar(&o.size, "size", 1, "of a value, in bytes")
	fs.Float64Var(&o.rate, "rate", 0, "requests a second of all connections; 0: each sends when it has its replies")
	fs.DurationVar(&o.limit, "limit", 10*time.Minute, "send nothing more after this time")
	fs.StringVar(&o.prefix, "prefix", "key:", "what keys begin with")
	fs.BoolVar(&o.hold, "hold", false, "wait for a line on stdin once connected, and for its end before closing")
	if err := fs.Parse(args); err != nil {
		return o, err
	}
	switch {
	case fs.NArg() > 0:
		return o, fmt.Errorf("unexpected argument %q", fs.Arg(0))
	case o.protocolName != "redis" && o.protocolName != "memcached":
		return o, fmt.Errorf("-protocol %q: want redis or memcached", o.protocolName)
	case o.clients < 1 || o.requests < 1 || o.pipeline < 1 || o.keys < 1 || o.limit <= 0:
		return o, errors.New("-clients, -requests, -pipeline, -keys, -limit: want at least one of each")
	case !(o.zipf >= 0 && o.zipf < 1):
		return o, errors.New("-zipf: want 0 or more, and less than 1")
	case !(*writes >= 0 && *writes <= 100):
		return o, errors.New("-writes: want 0 to 100")
	case *name == fanOut && (o.rate > 0 || o.idleClients > 0):
		return o, errors.New("-test publish: want no -rate and no -idle")
	case o.idleClients < 0 || o.size < 0 || !(o.rate >= 0 && o.rate <= 1e9):
		return o, errors.New("-idle, -size, -rate: want 0 or more")
	}
	var err error
	if o.test, err = parseTest(o.protocolName, *name); o.test.name == "mixed" {
		o.test.sets = int(math.Round(*writes * allRequests / 100))
	}
	return o, err
}

// parseTest understands a -test of a protocol.
func parseTest(protocol, name string) (test, error) {
	switch name {
	case "get":
		return test{name: name, keys: 1}, nil
	case "set":
		return test{name: name, keys: 1, sets: allRequests}, nil
	case "mixed":
		return test{name: name, keys: 1, sets: allRequests / 5}, nil
	}
	if protocol == "redis" && (name == transaction || name == fanOut) {
		return test{name: name, keys: 1}, nil
	}
	verb := strings.TrimRight(name, "0123456789")
	keys, err := strconv.Atoi(name[len(verb):])
	if err == nil && keys >= 1 && keys <= 1_000_000 {
		switch {
		case protocol == "redis" && verb == "mget":
			return test{name: name, keys: keys, multi: true}, nil
		case protocol == "redis" && verb == "mset":
			return test{name: name, keys: keys, multi: true, sets: allRequests}, nil
		case protocol == "redis" && verb == "hgetall":
			return test{name: name, keys: 1, fields: keys}, nil
		case protocol == "memcached" && verb == "get":
			return test{name: name, keys: keys}, nil
		}
	}
	return test{}, fmt.Errorf("-test %q: %s has none of this name", name, protocol)
}
