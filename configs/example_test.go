package configs_test

import (
	"fmt"

	"cashew/configs"
)

func ExampleParse() {
	f, err := configs.Parse("nutcracker.yml", []byte(`sessions:
  listen: 127.0.0.1:22121
  redis: true
  hash: fnv1a_64
  distribution: ketama
  auto_eject_hosts: true
  servers:
    - 127.0.0.1:6380:1 second
    - 127.0.0.1:6379:1 first
`))
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, pool := range f.Options.Pools {
		fmt.Println(pool.Name, "speaks", pool.Protocol.Name(), "on", pool.Listen.Addr)
		for _, s := range pool.Servers {
			fmt.Println("  ", s.Name, "at", s.Addr, "with weight", s.Weight)
		}
	}
	// Output:
	// sessions speaks redis on 127.0.0.1:22121
	//    first at 127.0.0.1:6379 with weight 1
	//    second at 127.0.0.1:6380 with weight 1
}

// All mistakes are told at once.
func ExampleParse_mistakes() {
	_, err := configs.Parse("nutcracker.yml", []byte(`sessions:
  listen: 127.0.0.1:22121
  redis: yes
  distribution: ketma
  server: [127.0.0.1:6379:1]
`))
	fmt.Println(err)
	// Output:
	// configs: nutcracker.yml:1: pool sessions: servers: pool 'sessions' has no servers; expected "servers:" and below it a list
	// configs: nutcracker.yml:3: pool sessions: redis: "yes" is not "true" or "false"; did you mean "true"?
	// configs: nutcracker.yml:4: pool sessions: distribution: "ketma" is not a valid distribution, and not supported here: any other one moves keys; expected one of ketama, modula, random
	// configs: nutcracker.yml:5: pool sessions: directive "server" is unknown; did you mean "servers"?
}
