package sim

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"gopkg.in/yaml.v3"
)

// A Script is what happens in a run: who is there, what fails and what is changed, and when. Who goes first each time is decided by
// the seed. The script of a failure can be shortened, and kept: it is a file of YAML.
type Script struct {
	Seed        uint64         `yaml:"seed"`
	Loops       int            `yaml:"loops"`
	Loose       bool           `yaml:"loose,omitempty"` // keys move from server to server, which may lose them
	Sick        bool           `yaml:"sick,omitempty"`  // besides, servers answer what they were not asked, see Faults
	MaxPipeline int            `yaml:"max_pipeline"`
	Pace        time.Duration  `yaml:"pace,omitempty"` // about so much passes between two times that a client sends; 0: nothing
	Pools       []PoolScript   `yaml:"pools"`
	Clients     []ClientScript `yaml:"clients"`
	Phases      []Phase        `yaml:"phases"`
}

// PoolScript is a pool and its servers.
type PoolScript struct {
	Protocol     string   `yaml:"protocol"`
	Distribution string   `yaml:"distribution"`
	Servers      int      `yaml:"servers"`
	Databases    int      `yaml:"databases,omitempty"`   // of them; 0: DB is the only one
	DB           int      `yaml:"db,omitempty"`          // redis_db
	Cluster      bool     `yaml:"cluster,omitempty"`     // servers are the shards of a Redis Cluster, each of two
	Routed       bool     `yaml:"routed,omitempty"`      // of a cluster: half of the clients have their keys by way of routes, see routed
	Named        bool     `yaml:"named,omitempty"`       // their addresses are looked up
	Eject        int      `yaml:"eject,omitempty"`       // server_failure_limit; 0: auto_eject_hosts is off
	Policy       string   `yaml:"policy,omitempty"`      // on_server_failure
	Near         bool     `yaml:"near,omitempty"`        // replies may be kept
	OldServers   bool     `yaml:"old_servers,omitempty"` // each second one does not tell of writes
	Settings     Settings `yaml:"settings,flow"`         // that a reload may change
}

// Settings are those of a pool that a reload may change and that move no key.
type Settings struct {
	Timeout           time.Duration `yaml:"timeout,omitempty"`
	ServerConnections int           `yaml:"server_connections"`
	Preconnect        bool          `yaml:"preconnect,omitempty"`
	Integrity         time.Duration `yaml:"integrity,omitempty"`
	Leases            int           `yaml:"leases,omitempty"` // transaction_connections; 0: any number
	Near              `yaml:",inline"`
}

// ClientScript is a client. Which commands it sends depends on the seed and its ID.
type ClientScript struct {
	ID       int  `yaml:"id"`
	Pool     int  `yaml:"pool"`
	Depth    int  `yaml:"depth"` // commands that it may have in flight
	Keys     int  `yaml:"keys"`
	Three    bool `yaml:"three,omitempty"`    // RESP3, or memcached's binary protocol
	Hears    bool `yaml:"hears,omitempty"`    // it subscribes
	Reads    bool `yaml:"reads,omitempty"`    // nearly always, in a pool that keeps replies
	Commands int  `yaml:"commands,omitempty"` // that it sends in all; 0: any number
}

// Phase is some troubles, after which all is well again for so long, besides the time in which everybody may get over them.
type Phase struct {
	Troubles []Trouble     `yaml:"troubles"`
	Calm     time.Duration `yaml:"calm,omitempty"`
}

// Trouble is one thing that fails or is changed. Its fields are for those of its kind that need them.
type Trouble struct {
	Do     string        `yaml:"do"` // a name in troubles
	Server int           `yaml:"server,omitempty"`
	Hard   bool          `yaml:"hard,omitempty"`
	For    time.Duration `yaml:"for,omitempty"`
	MiB    int           `yaml:"mib,omitempty"`
	N      int           `yaml:"n,omitempty"`
	Reload *Reload       `yaml:"reload,omitempty,flow"`
	Then   time.Duration `yaml:"then,omitempty"` // until the next
}

// Reload are other settings.
type Reload struct {
	MaxPipeline int        `yaml:"max_pipeline"`
	Pools       []Settings `yaml:"pools"`
	Move        string     `yaml:"move,omitempty"` // add, remove or rename a server, which moves keys
	Pool, At    int        `yaml:",omitempty"`     // of which pool, and which server of it
}

// newScript makes up what happens under a seed in so long a time.
func newScript(seed uint64, length time.Duration) *Script {
	return makeScript(rand.New(rand.NewPCG(seed, 18)), seed, length)
}

// makeScript makes a script up by what rnd says.
func makeScript(rnd *rand.Rand, seed uint64, length time.Duration) *Script {
	c := &Script{Seed: seed, Loose: rnd.IntN(3) == 0, Loops: 1 + rnd.IntN(3), MaxPipeline: pipeline(rnd)}
	c.Sick = c.Loose && rnd.IntN(3) == 0
	c.Pools = append(c.Pools, newPoolScript(rnd, "redis", 1+rnd.IntN(4), c.Loose))
	if !c.Loose && rnd.IntN(3) == 0 {
		c.Pools[0] = newClusterScript(rnd)
	}
	if rnd.IntN(2) == 0 {
		c.Pools = append(c.Pools, newPoolScript(rnd, "memcached", 1+rnd.IntN(3), c.Loose))
	}
	for i := range 1 + rnd.IntN(30) {
		c.Clients = append(c.Clients, ClientScript{
			ID: i + 1, Pool: rnd.IntN(len(c.Pools)), Depth: 1 + rnd.IntN([]int{1, 4, 40, 400}[rnd.IntN(4)]),
			Keys: 1 + rnd.IntN(12), Three: rnd.IntN(2) == 0, Hears: rnd.IntN(6) == 0,
		})
	}
	for t := time.Duration(0); t < length; {
		p := Phase{Calm: time.Duration(rnd.Int64N(int64(time.Second)))}
		some := 1 + rnd.IntN(3)
		if c.Pools[0].Cluster {
			some = 1 + rnd.IntN(10)
		}
		for range some {
			p.Troubles = append(p.Troubles, newTrouble(rnd, c))
			t += p.Troubles[len(p.Troubles)-1].Then
		}
		c.Phases = append(c.Phases, p)
		t += graceTime + p.Calm
	}
	if p := &c.Pools[0]; p.Cluster {
		p.Routed = rnd.IntN(2) == 0
	} else if rnd.IntN(2) == 0 {
		p.Databases = 2 + rnd.IntN(4)
		p.DB = rnd.IntN(p.Databases)
	}
	c.addNear(rnd)
	return c
}

func pipeline(rnd *rand.Rand) int { return []int{1, 3, 16, 1024}[rnd.IntN(4)] }

func newPoolScript(rnd *rand.Rand, protocol string, servers int, loose bool) PoolScript {
	p := PoolScript{Protocol: protocol, Distribution: []string{"ketama", "modula"}[rnd.IntN(2)], Servers: servers, Settings: newSettings(rnd)}
	p.Named = rnd.IntN(3) == 0
	if rnd.IntN(2) == 0 {
		p.Eject, p.Policy = 1+rnd.IntN(3), "error"
		if loose {
			p.Policy = []string{"rehash", "error", "miss"}[rnd.IntN(3)]
		}
	}
	return p
}

// newClusterScript is a pool that is a Redis Cluster, seldom a large one.
func newClusterScript(rnd *rand.Rand) PoolScript {
	p := PoolScript{Protocol: "redis", Distribution: "ketama", Servers: 2 + rnd.IntN(4), Cluster: true, Settings: newSettings(rnd)}
	if rnd.IntN(20) == 0 {
		p.Servers = 50
	}
	return p
}

func newSettings(rnd *rand.Rand) Settings {
	return Settings{
		Timeout:           time.Duration(rnd.IntN(2)*(20+rnd.IntN(400))) * time.Millisecond,
		ServerConnections: 1 + rnd.IntN(2),
		Preconnect:        rnd.IntN(2) == 0,
		Integrity:         time.Duration(rnd.IntN(3)) * time.Second,
		Leases:            rnd.IntN(4),
	}
}

func newTrouble(rnd *rand.Rand, c *Script) Trouble {
	kinds := troublesOf(c)
	t := Trouble{
		Do: kinds[rnd.IntN(len(kinds))], Server: rnd.IntN(20), Hard: rnd.IntN(2) == 0,
		Then: time.Duration(rnd.Int64N(int64(time.Second))),
	}
	switch t.Do {
	case "slots":
		t.N = rnd.IntN(1 << 16)
	case "late":
		t.For = time.Duration(rnd.Int64N(int64(600 * time.Millisecond)))
	case "slow":
		t.For = time.Duration(rnd.Int64N(int64(50 * time.Millisecond)))
	case "cut", "sick":
		t.N = 1 + rnd.IntN(20)
	case "junk":
		t.N = 1 + rnd.IntN(5)
	case "memory":
		t.MiB = rnd.IntN(260)
	case "broken-upgrade":
		t.For = time.Duration(rnd.Int64N(int64(20 * time.Millisecond)))
	case "reload":
		t.Reload = newReload(rnd, c)
	}
	return t
}

func newReload(rnd *rand.Rand, c *Script) *Reload {
	r := &Reload{MaxPipeline: pipeline(rnd)}
	for range c.Pools {
		r.Pools = append(r.Pools, newSettings(rnd))
	}
	if c.Loose {
		r.Move, r.Pool, r.At = []string{"add", "add", "remove", "rename"}[rnd.IntN(4)], rnd.IntN(len(c.Pools)), rnd.IntN(20)
	}
	return r
}

// String is the script as a file has it.
func (c *Script) String() string {
	text, err := yaml.Marshal(c)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// parseScript reads what String wrote.
func parseScript(text string) (*Script, error) {
	c := new(Script)
	d := yaml.NewDecoder(strings.NewReader(text))
	d.KnownFields(true)
	if err := d.Decode(c); err != nil {
		return nil, err
	}
	return c, c.check()
}

// check says what is wrong with a script that somebody wrote.
func (c *Script) check() error {
	if c.Loops < 1 || c.MaxPipeline < 1 || len(c.Pools) == 0 || len(c.Clients) == 0 {
		return errors.New("a script has loops, max_pipeline, pools and clients")
	}
	for i, p := range c.Pools {
		if p.Protocol != "redis" && p.Protocol != "memcached" || p.Servers < 1 || p.Settings.ServerConnections < 1 {
			return fmt.Errorf("pool %d: it is of redis or of memcached, and has servers and server_connections", i)
		}
		if p.Cluster && (i > 0 || p.Protocol != "redis" || p.Databases > 0 || c.Loose) {
			return fmt.Errorf("pool %d: the first alone is a cluster, of one database, and its keys stay", i)
		}
		if p.Routed && !p.Cluster {
			return fmt.Errorf("pool %d: only a cluster's keys are routed", i)
		}
		if p.Routed && p.Near {
			return fmt.Errorf("pool %d: replies of a cluster that others route to are not kept", i)
		}
		if p.Databases < 0 || p.DB < 0 || p.Databases > 0 && (p.DB >= p.Databases || p.Protocol != "redis") || p.Databases == 0 && p.DB > 0 {
			return fmt.Errorf("pool %d: it has no database %d", i, p.DB)
		}
	}
	for _, p := range c.Clients {
		if p.Pool < 0 || p.Pool >= len(c.Pools) || p.Depth < 1 || p.Keys < 1 {
			return fmt.Errorf("client %d: it has a pool that there is, depth and keys", p.ID)
		}
	}
	for _, p := range c.Phases {
		for i := range p.Troubles {
			if err := p.Troubles[i].check(c); err != nil {
				return err
			}
		}
	}
	return nil
}

func (t *Trouble) check(c *Script) error {
	r := t.Reload
	switch {
	case troubles[t.Do] == nil:
		return fmt.Errorf("there is no trouble %q", t.Do)
	case t.Server < 0 || t.For < 0 || t.MiB < 0 || t.N < 0 || t.Then < 0:
		return fmt.Errorf("%s: there is less than nothing of something", t.Do)
	case (t.Do == "slots" || t.Do == "failover") && !c.Pools[0].Cluster:
		return fmt.Errorf("%s: there is no cluster", t.Do)
	case t.Do == "reload" && (r == nil || r.MaxPipeline < 1 || len(r.Pools) == 0 || r.Pool < 0 || r.At < 0):
		return errors.New("reload: it has max_pipeline, and settings of pools")
	}
	return nil
}

// clone is a script that can be changed.
func (c *Script) clone() *Script {
	d := *c
	d.Pools, d.Clients, d.Phases = slices.Clone(c.Pools), slices.Clone(c.Clients), slices.Clone(c.Phases)
	for i := range d.Phases {
		d.Phases[i].Troubles = slices.Clone(d.Phases[i].Troubles)
	}
	return &d
}
