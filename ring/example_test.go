package ring_test

import (
	"fmt"

	"cashew/ring"
)

// A pool has three servers. Keys with the same hash tag are on one of them; if a server is ejected, its keys move and no others.
func ExampleRing_Dispatch() {
	servers := []ring.Server{{Name: "beta", Weight: 1}, {Name: "alpha", Weight: 1}, {Name: "delta", Weight: 1}}
	ring.SortServers(servers, func(s ring.Server) string { return s.Name })
	o := ring.Options{Hash: "fnv1a_64", HashTag: "{}", Distribution: "ketama", Servers: servers}
	whole, err := ring.Build(o)
	if err != nil {
		fmt.Println(err)
		return
	}
	o.Live = []bool{true, false, true}
	fewer, err := ring.Build(o)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, key := range []string{"cart:{alice}", "mail:{alice}", "cart:{bob}", "cart:{carol}", "cart:{dave}", "cart:{erin}"} {
		before, now := whole.Dispatch([]byte(key)), fewer.Dispatch([]byte(key))
		fmt.Printf("%s is on %s, without %s on %s\n", key, servers[before].Name, servers[1].Name, servers[now].Name)
	}
	// Output:
	// cart:{alice} is on beta, without alpha on beta
	// mail:{alice} is on beta, without alpha on beta
	// cart:{bob} is on delta, without alpha on delta
	// cart:{carol} is on delta, without alpha on delta
	// cart:{dave} is on alpha, without alpha on delta
	// cart:{erin} is on alpha, without alpha on beta
}
