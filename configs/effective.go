package configs

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"

	"gopkg.in/yaml.v3"

	"cashew/engine"
	"cashew/topology"
)

// masked stands where a secret would.
const masked = "(masked)"

// Section is a part of a configuration: keys as they are in the file, values that JSON and YAML can show. Sections, in a
// Section by pool, are a whole configuration.
type Section map[string]any

// Effective returns the settings in force, those that the file left out too, as sections that could be a file again.
// Secrets are masked, and a limit that the process finds for itself is left out. o is only read.
func Effective(o *engine.Options) Section {
	global := *o
	all := Section{globalSection: show(globalKeys(&global))}
	for i := range o.Pools {
		all[o.Pools[i].Name] = show(shownPool(&o.Pools[i]).keys(nil))
	}
	return all
}

// Keys are the names of all settings, those of the process and those of a pool.
func Keys() (global, pool []string) {
	for _, k := range globalKeys(&engine.Options{}) {
		global = append(global, k.name)
	}
	for _, k := range newPool(&yaml.Node{}).keys(nil) {
		pool = append(pool, k.name)
	}
	return global, pool
}

// show is a section of what its keys say.
func show(keys []key) Section {
	s := make(Section, len(keys))
	for _, k := range keys {
		if v := k.show(); v != nil {
			s[k.name] = v
		}
	}
	return s
}

// shownPool is a pool as its keys show it: what the protocol was made of is the protocol's to say.
func shownPool(o *engine.PoolOptions) *pool {
	s := &pool{PoolOptions: *o, redis: o.Protocol.Name() == "redis"}
	s.redisDB, s.databases = o.Protocol.Home(), o.Protocol.Databases()
	if p, ok := o.Protocol.(interface{ Rules() string }); ok {
		s.commands = p.Rules()
	}
	if p, ok := o.Protocol.(interface{ Learns() bool }); ok {
		s.refusesUnknown = !p.Learns()
	}
	if p, ok := o.Protocol.(interface{ Announces() []string }); ok {
		s.announce = p.Announces()
	}
	if p, ok := o.Protocol.(interface{ Shown() map[string]any }); ok {
		s.shown = p.Shown()
	}
	if len(o.DiscoveryShown) > 0 {
		s.shown = maps.Clone(s.shown)
		if s.shown == nil {
			s.shown = make(map[string]any)
		}
		maps.Copy(s.shown, o.DiscoveryShown)
	}
	if s.shown == nil && o.Protocol.Guarded() { // options that no file was read for
		s.shown = map[string]any{"redis_auth": masked}
	}
	if us := o.Protocol.Users(); us != nil && us.File != "" {
		s.aclFile = us.File
	} else if us != nil {
		s.userLines = us.Lines()
	}
	if p, ok := o.Protocol.(interface{ Admin() bool }); ok {
		s.memcachedAdmin = p.Admin()
	}
	return s
}

// serverEntry is a line of servers that means srv.
func serverEntry(srv *topology.ServerOptions) string {
	if plain, reason := parseServer(srv.PName); reason == "" && plain.Name == srv.Name {
		return srv.PName
	}
	return srv.PName + " " + srv.Name
}

// ofHost are the settings that differ from host to host in a fleet whose proxies do the same.
var ofHost = []string{"listen", "admin", "default_zone", "zone", "cluster_announce"}

// Hash is the same for all proxies whose settings are the same, whatever the order in their files and whatever the
// secrets: those are not part of it, as a hash would let them be guessed. Nor is what names the host.
func (s Section) Hash() string {
	all := maps.Clone(s)
	for name, section := range s { // in no order: each has a copy of its own
		if of, ok := section.(Section); ok {
			of = maps.Clone(of)
			maps.DeleteFunc(of, func(key string, _ any) bool { return slices.Contains(ofHost, key) })
			all[name] = of
		}
	}
	text, err := json.Marshal(all) // sorts keys
	if err != nil {
		panic("configs: " + err.Error()) // strings, numbers and booleans always marshal
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:hashBytes])
}

// hashBytes is how much of a SHA-256 is shown: enough that no two configurations of a fleet meet by chance.
const hashBytes = 12

// RingHashes tells, by pool, where keys go while all servers are live: proxies with the same hash send each key to the
// same server. Building the rings takes milliseconds for hundreds of servers.
func RingHashes(o *engine.Options) (map[string]string, error) {
	hashes := make(map[string]string, len(o.Pools))
	for i := range o.Pools {
		h, err := ringHash(&o.Pools[i].Options)
		if err != nil {
			return nil, fmt.Errorf("configs: pool %s: %w", o.Pools[i].Name, err)
		}
		hashes[o.Pools[i].Name] = h
	}
	return hashes, nil
}

// hashSlots covers who has which slot of a cluster, as is known; a file alone knows of nobody.
func hashSlots(sum io.Writer, o *topology.Options) {
	_, _ = io.WriteString(sum, "cluster\n") // a hash never fails
	if o.Slots == nil {
		return
	}
	for _, s := range o.Servers {
		fmt.Fprintf(sum, "%q\n", s.Addr)
	}
	_ = binary.Write(sum, binary.BigEndian, o.Slots[:])
}

// ringHash covers what decides a key's server: the hash, the tag, and each point with the address that it leads to.
func ringHash(o *topology.Options) (string, error) {
	r, err := topology.BuildRing(o, nil, nil)
	if err != nil {
		return "", err
	}
	sum := sha256.New()
	if o.Cluster {
		hashSlots(sum, o)
		return hex.EncodeToString(sum.Sum(nil)[:hashBytes]), nil
	}
	fmt.Fprintf(sum, "%q %q %q\n", o.Hash, o.HashTag, o.Distribution)
	for _, s := range o.Servers {
		fmt.Fprintf(sum, "%q %q\n", s.Name, cmp.Or(s.Master, s.Addr))
	}
	var b [8]byte
	for value, server := range r.Points() {
		binary.BigEndian.PutUint32(b[:4], value)
		binary.BigEndian.PutUint32(b[4:], uint32(server))
		_, _ = sum.Write(b[:]) // a hash never fails
	}
	return hex.EncodeToString(sum.Sum(nil)[:hashBytes]), nil
}
