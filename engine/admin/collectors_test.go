package admin

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// object is a JSON object.
type object = map[string]any

// What collectors of nutcracker's statistics do with the document, each in the way of one that is in use. They return what
// they would tell of, by path, or why they give up.
var statsReaders = []struct {
	name    string
	collect func(doc []byte) (map[string]float64, error)
}{
	{"an exporter: what is no string is a pool, unless it is known; so is a server", collectByElimination},
	{"an agent's plug-in: knows each number's name and refuses the others", collectKnown},
	{"a daemon's collector: tells of every number", collectAll},
	{"a check: every key but seven is a pool", collectButSeven},
	{"an exporter that reads once, up to 8 KiB", func(doc []byte) (map[string]float64, error) {
		return collectByElimination(doc[:min(len(doc), 8<<10)])
	}},
}

var (
	processKeys = []string{"service", "source", "version", "uptime", "timestamp", "total_connections", "curr_connections"}
	poolKeys    = []string{"client_eof", "client_err", "client_connections", "server_ejects", "forward_error", "fragments"}
	serverKeys  = []string{
		"server_eof", "server_err", "server_timedout", "server_connections", "server_ejected_at", "requests", "request_bytes",
		"responses", "response_bytes", "in_queue", "in_queue_bytes", "out_queue", "out_queue_bytes",
	}
)

func decode(doc []byte) (all object, err error) { return all, json.Unmarshal(doc, &all) }

// told is what a collector has to tell, with what went wrong first.
type told struct {
	figures map[string]float64
	err     error
}

func newTold() *told { return &told{figures: make(map[string]float64)} }

func (c *told) number(path string, v any) {
	n, ok := v.(float64)
	if !ok {
		c.fail(path, "no number")
		return
	}
	c.figures[path] = n
}

func (c *told) object(path string, v any) object {
	o, ok := v.(object)
	if !ok {
		c.fail(path, "no object")
	}
	return o
}

func (c *told) fail(path, why string) {
	if c.err == nil {
		c.err = fmt.Errorf("%s: %s", path, why)
	}
}

// collectByElimination takes the seven figures of the process and the six of a pool out, and what is left for pools and for
// servers.
func collectByElimination(doc []byte) (map[string]float64, error) {
	all, err := decode(doc)
	if err != nil {
		return nil, err
	}
	c := newTold()
	for _, pool := range slices.Sorted(maps.Keys(all)) {
		if _, isText := all[pool].(string); isText {
			continue
		}
		if slices.Contains(processKeys, pool) {
			c.number(pool, all[pool])
			continue
		}
		of := c.object(pool, all[pool])
		for _, key := range poolKeys {
			c.number(pool+"."+key, of[key])
		}
		for _, server := range slices.Sorted(maps.Keys(of)) {
			if slices.Contains(poolKeys, server) {
				continue
			}
			figures := c.object(pool+"."+server, of[server])
			for _, key := range serverKeys {
				c.number(pool+"."+server+"."+key, figures[key])
			}
		}
	}
	return c.figures, c.err
}

// collectKnown goes by type, and gives up at a number whose name it does not know.
func collectKnown(doc []byte) (map[string]float64, error) {
	all, err := decode(doc)
	if err != nil {
		return nil, err
	}
	c := newTold()
	known := func(path, key string, v any, names []string) {
		if !slices.Contains(names, key) {
			c.fail(path, "not known")
		}
		c.number(path, v)
	}
	for pool, v := range all {
		switch v := v.(type) {
		case string:
		case object:
			for server, v := range v {
				figures, isServer := v.(object)
				if !isServer {
					known(pool+"."+server, server, v, poolKeys)
				}
				for key, v := range figures {
					known(pool+"."+server+"."+key, key, v, serverKeys)
				}
			}
		default:
			known(pool, pool, v, processKeys)
		}
	}
	return c.figures, c.err
}

// collectAll goes by type and knows no names: whatever is there becomes a metric, a counter unless its name is among those
// of gauges.
func collectAll(doc []byte) (map[string]float64, error) {
	all, err := decode(doc)
	if err != nil {
		return nil, err
	}
	c := newTold()
	var walk func(path string, of object, depth int)
	walk = func(path string, of object, depth int) {
		for key, v := range of {
			switch in, isObject := v.(object); {
			case isObject && depth < 2:
				walk(path+key+".", in, depth+1)
			case path == "" && slices.Contains([]string{"service", "source", "version"}, key):
			default:
				c.number(path+key, v)
			}
		}
	}
	walk("", all, 0)
	return c.figures, c.err
}

// collectButSeven walks through every key that is not one of the seven.
func collectButSeven(doc []byte) (map[string]float64, error) {
	all, err := decode(doc)
	if err != nil {
		return nil, err
	}
	c := newTold()
	for pool, v := range all {
		if slices.Contains(processKeys, pool) {
			continue
		}
		for key, v := range c.object(pool, v) {
			server, isServer := v.(object)
			if !isServer {
				c.number(pool+"."+key, v)
			}
			for figure, v := range server {
				c.number(pool+"."+key+"."+figure, v)
			}
		}
	}
	return c.figures, c.err
}

// Collectors that work with nutcracker find the same figures on our stats port, and no others. With stats_extended they do
// not: else this test would tell nothing.
func TestCollectors(t *testing.T) {
	theirs := statsOfNutcracker(t)
	r := newRig()
	at := serveStats(t, r, "127.0.0.1")
	ours := readStats(t, at.Network(), at.String(), "")
	page := r.do("GET", "/stats").Body.Bytes()
	for _, tt := range statsReaders {
		t.Run(tt.name, func(t *testing.T) {
			want, err := tt.collect(theirs)
			if err != nil || len(want) < 2*(len(poolKeys)+2*len(serverKeys)) {
				t.Fatalf("of nutcracker %d figures, %v; something is wrong with this test", len(want), err)
			}
			got, err := tt.collect(ours)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(slices.Sorted(maps.Keys(want)), slices.Sorted(maps.Keys(got))); diff != "" {
				t.Errorf("figures (-nutcracker +ours):\n%s", diff)
			}
			if got["alpha.s0.requests"] != 6+100 || got["beta.server_ejects"] != 4 {
				t.Errorf("figures %v", got)
			}
			if got, err := tt.collect(page); err == nil && len(got) == len(want) {
				t.Error("all is the same with our figures among nutcracker's")
			}
		})
	}
}
