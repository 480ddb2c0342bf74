package inspect

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"
)

// orders are what a view can be sorted by. Their first letters are keys.
var orders = []string{"trouble", "requests", "errors", "latency", "name"}

// plainWidth is how wide a table is that no terminal shows.
const plainWidth = 80

// poolsPage is what a view needs of the answer of /pools; stats.Snapshot has all of it.
type poolsPage struct {
	At          time.Time `json:"at"`
	Started     time.Time `json:"started"`
	Version     string    `json:"version"`
	Draining    bool      `json:"draining"`
	Connections int64     `json:"curr_connections"`
	Ever        int64     `json:"total_connections"`
	Pools       []struct {
		Name    string       `json:"name"`
		Live    int64        `json:"live"`
		Clients int64        `json:"client_connections"`
		Errors  int64        `json:"forward_error"`
		Lost    int64        `json:"client_err"`
		Ejects  int64        `json:"server_ejects"`
		Servers []serverPage `json:"servers"`
	} `json:"pools"`
}

type serverPage struct {
	Name        string `json:"name"`
	State       string `json:"state"`
	Why         string `json:"why"`
	Next        int64  `json:"next_try_at"`
	EjectedAt   int64  `json:"server_ejected_at"`
	Requests    int64  `json:"requests"`
	Responses   int64  `json:"responses"`
	In          int64  `json:"request_bytes"`
	Out         int64  `json:"response_bytes"`
	InQueue     int64  `json:"in_queue"`
	OutQueue    int64  `json:"out_queue"`
	Connections int64  `json:"server_connections"`
	Err         int64  `json:"server_err"`
	EOF         int64  `json:"server_eof"`
	Expired     int64  `json:"expired"`
	Latency     map[string]struct {
		Server struct {
			Buckets [][2]int64 `json:"buckets"`
		} `json:"server"`
	} `json:"latency"`
}

// parsePools reads the answer of /pools at addr.
func parsePools(body []byte, addr string) (*reading, error) {
	var page poolsPage
	if err := json.Unmarshal(body, &page); err != nil {
		return nil, fmt.Errorf("not what admin pages answer: %w", err)
	}
	r := &reading{
		at: page.At, service: "cashew", source: addr, version: page.Version, uptime: page.At.Sub(page.Started).Truncate(time.Second),
		total: page.Ever, current: page.Connections, draining: page.Draining,
	}
	for _, p := range page.Pools {
		pool := statsPool{name: p.Name, figures: figures{
			"live": p.Live, "client_connections": p.Clients, "forward_error": p.Errors, "client_err": p.Lost, "server_ejects": p.Ejects,
		}}
		for i := range p.Servers {
			pool.servers = append(pool.servers, p.Servers[i].server(page.At))
		}
		r.pools = append(r.pools, pool)
	}
	return r, nil
}

func (s *serverPage) server(at time.Time) statsServer {
	srv := statsServer{name: s.Name, state: s.State, note: s.note(at), times: make(map[int64]int64), figures: figures{
		"requests": s.Requests, "responses": s.Responses, "request_bytes": s.In, "response_bytes": s.Out,
		"in_queue": s.InQueue, "out_queue": s.OutQueue, "server_connections": s.Connections,
		"server_err": s.Err, "server_timedout": s.Expired, "server_eof": s.EOF, "server_ejected_at": s.EjectedAt,
	}}
	for _, class := range s.Latency {
		for _, b := range class.Server.Buckets {
			srv.times[b[0]] += b[1]
		}
	}
	return srv
}

// note says of a server that gets no requests since when, why, and when it will be asked again.
func (s *serverPage) note(now time.Time) string {
	if s.Why == "" {
		return ""
	}
	var when []string // first, for the rest may be cut
	if s.State == "ejected" {
		when = append(when, fmt.Sprintf("for %v", now.Sub(time.UnixMicro(s.EjectedAt)).Truncate(time.Second)))
	}
	if s.Next > 0 {
		when = append(when, fmt.Sprintf("next try in %v", max(time.UnixMicro(s.Next).Sub(now), 0).Round(time.Second)))
	}
	if len(when) == 0 {
		return s.Why
	}
	return strings.Join(when, ", ") + ": " + s.Why
}

// view is what is shown of two readings.
type view struct {
	was, is *reading
	width   int
	order   string // one of orders
	keys    bool   // it says which keys there are
}

// line is a row of the view: a pool, or a server of it.
type line struct {
	name, state, note string
	bad               int // how much trouble there is; 0: none
	requests, errs    float64
	p50, p99          int64 // microseconds; below 0: nothing is known
	in, out           float64
	queued, conns     int64
}

// table shows what happened between the readings.
func (v *view) table() []byte {
	var b bytes.Buffer
	is := v.is
	ends := ""
	if is.draining {
		ends = "draining, "
	}
	fmt.Fprintln(&b, cut(fmt.Sprintf("%s %s on %s, %sup %v, %d connections, %d in all", is.service, is.version, is.source, ends, is.uptime, is.current, is.total), v.width))
	if v.keys {
		fmt.Fprintln(&b, cut("sorted by "+v.order+"; t trouble, r requests, e errors, l latency, n name, q ends", v.width))
	}
	fmt.Fprintf(&b, "\n%6s %6s %5s %5s %6s %6s %6s %5s %-7s  %s\n", "REQ/S", "ERR/S", "P50", "P99", "IN/S", "OUT/S", "QUEUED", "CONNS", "STATE", "POOL/SERVER")
	type block struct {
		pool    line
		servers []line
	}
	var blocks []block
	for i := range is.pools {
		pool, servers := v.lines(&is.pools[i])
		slices.SortStableFunc(servers, v.compare)
		blocks = append(blocks, block{pool, servers})
	}
	slices.SortStableFunc(blocks, func(x, y block) int { return v.compare(x.pool, y.pool) })
	for _, k := range blocks {
		v.write(&b, &k.pool, "")
		for i := range k.servers {
			v.write(&b, &k.servers[i], "  ")
		}
	}
	return b.Bytes()
}

// lines are what is shown of a pool and its servers.
func (v *view) lines(p *statsPool) (pool line, servers []line) {
	elapsed := v.is.at.Sub(v.was.at)
	poolWas, serversWas := v.was.pool(p.name)
	pool = line{name: p.name, conns: p.figures["client_connections"], errs: rate(poolWas, p.figures, elapsed, "forward_error", "client_err")}
	all, live := make(map[int64]int64), 0
	for i := range p.servers {
		s := &p.servers[i]
		was := serversWas[s.name]
		r := func(counters ...string) float64 { return rate(was.figures, s.figures, elapsed, counters...) }
		times := grown(was.times, s.times)
		l := line{
			name: s.name, state: s.state, note: s.note, requests: r("requests"), errs: r("server_err", "server_timedout", "server_eof"),
			in: r("request_bytes"), out: r("response_bytes"), queued: s.figures["in_queue"] + s.figures["out_queue"], conns: s.figures["server_connections"],
			p50: quantile(times, 0.5), p99: quantile(times, 0.99),
		}
		if at := s.figures["server_ejected_at"]; s.state == "" && at != 0 {
			l.note = fmt.Sprintf("it was ejected last %v ago; whether it still is --admin tells", v.is.at.Sub(time.UnixMicro(at)).Truncate(time.Second))
		}
		if s.state == "live" || s.state == "" {
			live++
		} else {
			l.bad = 2
		}
		if s.state == "trial" {
			l.bad = 1
			live++
		}
		for us, n := range times {
			all[us] += n
		}
		pool.requests, pool.in, pool.out, pool.queued, pool.bad = pool.requests+l.requests, pool.in+l.in, pool.out+l.out, pool.queued+l.queued, pool.bad+l.bad
		servers = append(servers, l)
	}
	pool.p50, pool.p99 = quantile(all, 0.5), quantile(all, 0.99)
	if _, told := p.figures["live"]; told {
		pool.state = fmt.Sprintf("%d/%d up", live, len(servers))
	}
	if n := rate(poolWas, p.figures, elapsed, "server_ejects"); n > 0 {
		pool.note = amount(n) + " ejections/s"
	}
	return pool, servers
}

// compare says which of two lines comes first.
func (v *view) compare(x, y line) int {
	by := 0
	switch v.order {
	case "trouble":
		by = cmp.Or(cmp.Compare(y.bad, x.bad), cmp.Compare(y.errs, x.errs))
	case "requests":
		by = cmp.Compare(y.requests, x.requests)
	case "errors":
		by = cmp.Compare(y.errs, x.errs)
	case "latency":
		by = cmp.Compare(y.p99, x.p99)
	case "name":
		by = cmp.Compare(x.name, y.name)
	}
	return by
}

// write writes a line, and below it what is to be said of it.
func (v *view) write(b *bytes.Buffer, l *line, indent string) {
	row := fmt.Sprintf("%6s %6s %5s %5s %6s %6s %6d %5d %-7s  %s%s", amount(l.requests), amount(l.errs), brief(l.p50), brief(l.p99), amount(l.in), amount(l.out),
		l.queued, l.conns, l.state, indent, l.name)
	fmt.Fprintln(b, strings.TrimRight(cut(row, v.width), " "))
	if l.note != "" {
		fmt.Fprintln(b, cut("        "+indent+l.note, v.width))
	}
}

// plain is a text that a terminal shows and does not obey: names may be anything, and those at a stats port are another program's.
func plain(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, text)
}

// cut shortens text to width characters, and shows that it did.
func cut(text string, width int) string {
	r := []rune(plain(text))
	if len(r) <= width {
		return string(r)
	}
	return string(r[:max(width-1, 0)]) + "…"
}

// head is the first lines of text, so many; all of them for less than one.
func head(text []byte, lines int) []byte {
	all := bytes.SplitAfter(text, []byte("\n"))
	if n := len(all) - 1; lines < 1 || n <= lines {
		return text
	}
	return fmt.Appendf(bytes.Join(all[:lines-1], nil), "… and %d lines more\n", len(all)-lines)
}

// grown is what times have more than they had; all, if they have less, for then the proxy was restarted.
func grown(was, is map[int64]int64) map[int64]int64 {
	more := make(map[int64]int64, len(is))
	for us, n := range is {
		if d := n - was[us]; d > 0 {
			more[us] = d
		} else if d < 0 {
			return is
		}
	}
	return more
}

// quantile is the bound that a share of times does not go beyond; below 0 if there are none.
func quantile(times map[int64]int64, share float64) int64 {
	var total int64
	for _, n := range times {
		total += n
	}
	left := share * float64(total)
	bound := int64(-1)
	for _, us := range slices.Sorted(maps.Keys(times)) {
		bound = us
		if left -= float64(times[us]); left <= 1e-6 {
			break
		}
	}
	return bound
}

// brief is a time in at most five characters.
func brief(us int64) string {
	switch {
	case us < 0:
		return "-"
	case us < 1000:
		return fmt.Sprintf("%dus", us)
	case us < 10_000:
		return fmt.Sprintf("%.1fms", float64(us)/1e3)
	case us < 1_000_000:
		return fmt.Sprintf("%dms", us/1000)
	}
	return fmt.Sprintf("%.1fs", float64(us)/1e6)
}

// amount is a number in at most five characters, as long as it has a name.
func amount(f float64) string {
	switch {
	case f >= 1e10:
		return fmt.Sprintf("%.0fG", f/1e9)
	case f >= 1e7:
		return fmt.Sprintf("%.0fM", f/1e6)
	case f >= 1e5:
		return fmt.Sprintf("%.0fk", f/1e3)
	case f >= 10 || f == 0:
		return fmt.Sprintf("%.0f", f)
	}
	return fmt.Sprintf("%.1f", f)
}
