package inspect

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"slices"
	"time"

	"cashew/ring"
)

// reading is one document of the stats port, cashew's or nutcracker's: scalars, and objects that are pools, in which are
// scalars, and objects that are servers.
type reading struct {
	at      time.Time
	service string
	source  string
	version string
	uptime  time.Duration
	total   int64
	current int64
	pools   []statsPool

	draining bool // it was told to stop
}

type statsPool struct {
	name    string
	figures figures
	servers []statsServer
}

type statsServer struct {
	name    string
	figures figures
	state   string          // "": whoever was asked does not tell
	note    string          // why it is in that state, and until when
	times   map[int64]int64 // of the server, by bounds in microseconds; nil: whoever was asked does not tell
}

// figures are numbers by their names.
type figures map[string]int64

// maxStatsBytes bounds what is read from whatever listens at the stats port.
const maxStatsBytes = 64 << 20

// readStats fetches a document. The port closes the connection behind it.
func readStats(addr string, timeout time.Duration) (*reading, error) {
	c, err := net.DialTimeout(network(addr), addr, timeout)
	if err != nil {
		return nil, err
	}
	defer c.Close() //nolint:errcheck // nothing was written
	if err := c.SetDeadline(time.Now().Add(timeout)); err != nil {
		return nil, err
	}
	body, err := io.ReadAll(io.LimitReader(c, maxStatsBytes))
	if err != nil && len(body) == 0 { // nutcracker may reset the connection behind its document
		return nil, err
	}
	return parseStats(body, time.Now())
}

func parseStats(body []byte, at time.Time) (*reading, error) {
	var doc map[string]json.RawMessage
	if err := json.Unmarshal(body, &doc); err != nil {
		return nil, fmt.Errorf("not a document of a stats port: %w", err)
	}
	s := &reading{
		at: at, service: text(doc["service"]), source: text(doc["source"]), version: text(doc["version"]),
		uptime: time.Duration(number(doc["uptime"])) * time.Second,
		total:  number(doc["total_connections"]), current: number(doc["curr_connections"]),
	}
	for _, name := range sortedNames(doc) {
		pool, ok := object(doc[name])
		if !ok {
			continue
		}
		p := statsPool{name: name, figures: numbers(pool)}
		for _, name := range sortedNames(pool) {
			if server, ok := object(pool[name]); ok {
				f := numbers(server)
				p.servers = append(p.servers, statsServer{name: name, figures: f, state: stateOf(f)})
			}
		}
		if _, ours := p.figures["live"]; !ours {
			s.service = text(doc["service"]) + " or cashew" // which says the same there, but with stats_extended
		} else if s.service == "nutcracker" {
			s.service = "cashew"
		}
		s.pools = append(s.pools, p)
	}
	return s, nil
}

// stateOf is how a server is, if its statistics say so: nutcracker's do not, which has no word for it but when it was ejected last.
func stateOf(f figures) string {
	switch up, told := f["up"]; {
	case !told:
		return ""
	case up == 0:
		return "ejected"
	case f["on_trial"] == 1:
		return "trial"
	}
	return "live"
}

// sortedNames are in the order that the stats port has, which is lost in a map.
func sortedNames(m map[string]json.RawMessage) []string {
	names := slices.Collect(maps.Keys(m))
	ring.SortServers(names, func(s string) string { return s })
	return names
}

func object(raw json.RawMessage) (m map[string]json.RawMessage, ok bool) {
	return m, json.Unmarshal(raw, &m) == nil && m != nil
}

func numbers(m map[string]json.RawMessage) figures {
	f := make(figures)
	for name, raw := range m {
		var n int64
		if json.Unmarshal(raw, &n) == nil {
			f[name] = n
		}
	}
	return f
}

func text(raw json.RawMessage) (s string) {
	_ = json.Unmarshal(raw, &s)
	return s
}

func number(raw json.RawMessage) (n int64) {
	_ = json.Unmarshal(raw, &n)
	return n
}

// pool returns the figures of a pool and its servers by name, empty if there are none.
func (s *reading) pool(name string) (pool figures, servers map[string]statsServer) {
	servers = make(map[string]statsServer)
	for _, p := range s.pools {
		if p.name == name {
			pool = p.figures
			for _, srv := range p.servers {
				servers[srv.name] = srv
			}
		}
	}
	return pool, servers
}

// rate is how fast the sum of counters grew, per second. After a restart of the proxy they grew from 0.
func rate(was, is figures, elapsed time.Duration, counters ...string) float64 {
	if elapsed <= 0 {
		return 0
	}
	var grown int64
	for _, name := range counters {
		n := is[name] - was[name]
		if n < 0 {
			n = is[name]
		}
		grown += n
	}
	return float64(grown) / elapsed.Seconds()
}
