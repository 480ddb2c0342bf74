// Package configs reads twemproxy's configuration file into engine.Options. Every file that is valid for twemproxy 0.5.0
// is valid here and means the same; every file that twemproxy refuses is refused, but with all mistakes at once, each
// with its line, pool, key, value and what was expected.
//
//	bytes --parseYAML--> nodes --checker, one pass--> pools --check of each, and of all--> File
//	  \--- newText: what yaml.Node forgets                \--> Problems
//
// twemproxy's file is a small part of YAML, in which every scalar is text: 0123, true and 0x10 are what they look like.
// That is why the package works on yaml.Node and never decodes into Go values. README.md lists all keys. The demo has no
// file: Demo returns its options.
//
// Nothing here runs on an event loop. Reading a file may wait for a name server: host names in listen are resolved.
package configs

import (
	"cmp"
	"errors"
	"io/fs"

	"gopkg.in/yaml.v3"

	"cashew/codec/acl"
	"cashew/codec/resp"
	"cashew/engine"
	"cashew/regular"
	"cashew/ring"
)

// File is a configuration without mistakes.
type File struct {
	// Options are ready to use. Pools are sorted by name and each pool's servers by ring name as twemproxy sorts them:
	// the shorter name first, equal lengths by bytes.
	Options engine.Options

	// Warnings say, in one line each, where the file may not do what its author expects.
	Warnings []string

	given   map[string]given // of our own settings
	name    string           // as Parse was given it
	data    []byte
	acls    aclFiles
	secrets []secretFile
}

// Has says whether the file has one of our own settings, or leaves it to its default.
func (f *File) Has(global string) bool {
	_, ok := f.given[global]
	return ok
}

// Load reads and checks the file at path. The error is a Problems value: all mistakes in the file, or why it could not
// be read.
func Load(path string) (*File, error) {
	data, err := regular.Read(path, maxFile)
	if err != nil {
		p := Problem{File: path, err: err}
		return nil, Problems{p.because("failed to open configuration '%s': %v", oneLine(path), pathless(err))}
	}
	return Parse(path, data)
}

// maxFile is how long a configuration may be, in bytes.
const maxFile = 64 << 20

// pathless is err without the path that it may name.
func pathless(err error) error {
	if pe, ok := errors.AsType[*fs.PathError](err); ok {
		return pe.Err
	}
	return err
}

// Parse checks a file's content; name is what problems call the file. The error is a Problems value.
func Parse(name string, data []byte) (*File, error) { return parse(name, data, lookupHost) }

func parse(name string, data []byte, lookup lookupFunc) (*File, error) {
	return parseWith(name, data, lookup, make(aclFiles), false)
}

// parseWith is parse with files of users as they were read before; again: for secrets alone.
func parseWith(name string, data []byte, lookup lookupFunc, acls aclFiles, again bool) (*File, error) {
	c := &checker{file: name, text: newText(data), lookup: lookup, acls: acls, again: again, options: engine.DefaultOptions()}
	c.options.SettingNames = settingNames()
	c.document()
	if len(c.problems) > 0 {
		c.problems.sort()
		return nil, c.problems
	}

	f := &File{Options: c.options, given: c.given, name: name, data: data, acls: acls}
	ring.SortServers(c.pools, func(p *pool) string { return p.Name })
	for _, p := range c.pools {
		p.Zone = cmp.Or(p.Zone, c.options.DefaultZone)
		p.Protocol = newProtocol(p, c.options.MaxRequestBytes)
		f.Options.Pools = append(f.Options.Pools, p.PoolOptions)
		f.secrets = append(f.secrets, p.secretFiles...)
	}
	c.warnings.sort()
	for _, w := range c.warnings {
		f.Warnings = append(f.Warnings, w.Error())
	}
	return f, nil
}

// pool is a pool while it is read.
type pool struct {
	engine.PoolOptions

	redis          bool
	lines          serverLines
	announce       []string
	redisDB        int
	databases      int
	commands       string
	refusesUnknown bool
	memcachedAdmin bool
	aclFile        string
	users          *acl.Users // nil: none

	userLines []string
	userNodes []*yaml.Node // of userLines, index by index

	limitNodes []*yaml.Node // of PoolOptions.RateLimits, index by index
	routeNodes []*yaml.Node // likewise of PoolOptions.Routes

	credentials
	found discovered

	taken        map[string]bool // values of lists, behind their key
	at           *yaml.Node      // its name
	entries      []*yaml.Node    // of PoolOptions.Servers, index by index
	replicaLines []replicaLine   // of PoolOptions.Replicas, likewise
	given        map[string]given
}

// given is a key that a section holds, rightly or wrongly.
type given struct {
	name, value *yaml.Node
	ok          bool
}

// again says whether a key's list has a value already, which it has from now on.
func (p *pool) again(key, value string) bool {
	if p.taken == nil {
		p.taken = make(map[string]bool)
	}
	value = key + " " + value
	was := p.taken[value]
	p.taken[value] = true
	return was
}

func newPool(name *yaml.Node) *pool {
	return &pool{
		at: name, PoolOptions: engine.DefaultPool(name.Value), commands: resp.DefaultCommands,
		credentials: credentials{shown: make(map[string]any)},
	}
}
