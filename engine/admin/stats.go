package admin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"time"

	"cashew/stats"
)

// A statistic is a number of the process, of a pool or of a server, as the stats port shows it and -D describes it.
// Collectors take any object for a pool or a server, and many of them anything that twemproxy does not have for one too:
// the stats port shows twemproxy's alone unless the configuration says stats_extended.
type statistic[T any] struct {
	name, description string
	value             func(*T) int64
}

// globalStatistics are twemproxy's of the process, in its order; it describes none of them.
//
// Source: twemproxy 0.5.0 nc_stats.c, stats_add_header.
var globalStatistics = []statistic[stats.Snapshot]{
	{"uptime", "", func(s *stats.Snapshot) int64 { return int64(s.At.Sub(s.Started).Seconds()) }},
	{"timestamp", "", func(s *stats.Snapshot) int64 { return s.At.Unix() }},
	{"total_connections", "", func(s *stats.Snapshot) int64 { return s.TotalConnections }},
	{"curr_connections", "", func(s *stats.Snapshot) int64 { return s.CurrConnections }},
}

// moreGlobalStatistics are ours.
var moreGlobalStatistics = []statistic[stats.Snapshot]{
	{"loops", "", func(s *stats.Snapshot) int64 { return int64(s.Loops) }},
	{"silent_loops", "", func(s *stats.Snapshot) int64 { return int64(s.Silent) }},
	{"draining", "", func(s *stats.Snapshot) int64 { return one(s.Draining) }},
	{"panics", "", func(s *stats.Snapshot) int64 { return s.Panics }},
	{"reloads_succeeded", "", func(s *stats.Snapshot) int64 { return s.Reload.Succeeded }},
	{"reloads_failed", "", func(s *stats.Snapshot) int64 { return s.Reload.Failed }},
}

// poolStatistics are twemproxy's, in its order and with its descriptions.
//
// Source: twemproxy 0.5.0 nc_stats.h, STATS_POOL_CODEC.
var poolStatistics = []statistic[stats.Pool]{
	{"client_eof", "# eof on client connections", func(p *stats.Pool) int64 { return p.ClientEOF }},
	{"client_err", "# errors on client connections", func(p *stats.Pool) int64 { return p.ClientErr }},
	{"client_connections", "# active client connections", func(p *stats.Pool) int64 { return p.ClientConnections }},
	{"server_ejects", "# times backend server was ejected", func(p *stats.Pool) int64 { return p.ServerEjects }},
	{"forward_error", "# times we encountered a forwarding error", func(p *stats.Pool) int64 { return p.ForwardError }},
	{"fragments", "# fragments created from a multi-vector request", func(p *stats.Pool) int64 { return p.Fragments }},
}

// morePoolStatistics are ours.
var morePoolStatistics = []statistic[stats.Pool]{
	{"live", "# servers that are not ejected", func(p *stats.Pool) int64 { return int64(p.Live) }},
	{"in_flight", "# client requests whose reply is owed", func(p *stats.Pool) int64 { return p.InFlight }},
	{"clients_accepted", "# client connections accepted", func(p *stats.Pool) int64 { return p.ClientsAccepted }},
	{"clients_rejected", "# client connections refused: there were too many", func(p *stats.Pool) int64 { return p.ClientsRejected }},
	{"tls_handshakes", "# TLS handshakes with clients", func(p *stats.Pool) int64 { return p.TLSHandshakes }},
	{"tls_handshakes_resumed", "# of those, the ones that resumed a session", func(p *stats.Pool) int64 { return p.TLSResumed }},
	{"tls_handshakes_failed", "# TLS handshakes with clients that failed", func(p *stats.Pool) int64 { return p.TLSFailed }},
	{"clients_refused", "# client connections refused for another reason: address, PROXY header, failed logins", (*stats.Pool).ClientsTurnedAway},
	{"clients_idle", "# clients closed because nothing came from them", func(p *stats.Pool) int64 { return p.ClientsIdle }},
	{"logins_failed", "# logins of clients that failed", func(p *stats.Pool) int64 { return p.LoginsFailed }},
	{"clients_malformed", "# clients closed because they did not keep to the protocol", func(p *stats.Pool) int64 { return p.ClientsMalformed }},
	{"clients_wrong_protocol", "# of those, the ones that speak another protocol", func(p *stats.Pool) int64 { return p.ClientsForeign }},
	{"clients_slow", "# clients closed because they did not take their replies", func(p *stats.Pool) int64 { return p.ClientsSlow }},
	{"clients_slow_subscribers", "# clients closed because they did not read what they are subscribed to", func(p *stats.Pool) int64 { return p.ClientsSlowSubscribers }},
	{"subscriptions", "# active subscriptions of clients", func(p *stats.Pool) int64 { return p.Subscriptions }},
	{"messages", "# messages of what they are subscribed to given to clients", func(p *stats.Pool) int64 { return p.Messages }},
	{"clients_over_memory", "# clients closed because memory ran out", func(p *stats.Pool) int64 { return p.ClientsOverMemory }},
	{"client_blocked", "# clients that nothing more is taken from for now", func(p *stats.Pool) int64 { return p.ClientBlocked }},
	{"client_waiting", "# clients whose command may block, at a server", func(p *stats.Pool) int64 { return p.ClientWaiting }},
	{"local_commands", "# requests answered by the proxy", func(p *stats.Pool) int64 { return p.LocalCommands }},
	{"refused_commands", "# requests refused", refusedCommands},
	{"failure_misses", "# reads answered as a miss because a server failed", func(p *stats.Pool) int64 { return p.FailureMisses }},
	{"keys_left_out", "# keys left out of a reply because a server failed", func(p *stats.Pool) int64 { return p.LostKeys }},
	{"server_out_of_step", "# server connections closed because replies could not be trusted", func(p *stats.Pool) int64 { return p.ServerOutOfStep }},
	{"request_bytes_from_clients", "total request bytes from clients", func(p *stats.Pool) int64 { return p.RequestBytesFromClients }},
	{"reply_bytes_to_clients", "total reply bytes to clients", func(p *stats.Pool) int64 { return p.ReplyBytesToClients }},
	{"clients_resp3", "# active client connections that chose RESP3", func(p *stats.Pool) int64 { return p.Profiles["resp3"] }},
	{"write_back_p50_us", "median usec until a reply was written to its client", func(p *stats.Pool) int64 { return micros(&p.WriteBack, 0.5) }},
	{"write_back_p99_us", "99th percentile of the same", func(p *stats.Pool) int64 { return micros(&p.WriteBack, 0.99) }},
}

// serverStatistics are twemproxy's, in its order and with its descriptions. Upstream a request that runs out of time takes
// its connection with it, so that connections are what its description counts; here the connection lives on, and the
// figure is of requests, for alerts that watch it.
//
// Source: twemproxy 0.5.0 nc_stats.h, STATS_SERVER_CODEC.
var serverStatistics = []statistic[stats.Server]{
	{"server_eof", "# eof on server connections", func(s *stats.Server) int64 { return s.ServerEOF }},
	{"server_err", "# errors on server connections", func(s *stats.Server) int64 { return s.ServerErr }},
	{"server_timedout", "# timeouts on server connections", func(s *stats.Server) int64 { return s.Expired }},
	{"server_connections", "# active server connections", func(s *stats.Server) int64 { return s.ServerConnections }},
	{"server_ejected_at", "timestamp when server was ejected in usec since epoch", func(s *stats.Server) int64 { return s.ServerEjectedAt }},
	{"requests", "# requests", func(s *stats.Server) int64 { return s.Requests }},
	{"request_bytes", "total request bytes", func(s *stats.Server) int64 { return s.RequestBytes }},
	{"responses", "# responses", func(s *stats.Server) int64 { return s.Responses }},
	{"response_bytes", "total response bytes", func(s *stats.Server) int64 { return s.ResponseBytes }},
	{"in_queue", "# requests in incoming queue", func(s *stats.Server) int64 { return s.InQueue }},
	{"in_queue_bytes", "current request bytes in incoming queue", func(s *stats.Server) int64 { return s.InQueueBytes }},
	{"out_queue", "# requests in outgoing queue", func(s *stats.Server) int64 { return s.OutQueue }},
	{"out_queue_bytes", "current request bytes in outgoing queue", func(s *stats.Server) int64 { return s.OutQueueBytes }},
}

// moreServerStatistics are ours.
var moreServerStatistics = []statistic[stats.Server]{
	{"up", "1 if the server gets requests, 0 while it is ejected", func(s *stats.Server) int64 { return int64(up(s)) }},
	{"on_trial", "1 while the server is back but not trusted yet", func(s *stats.Server) int64 { return one(s.State == "trial") }},
	{"no_reply", "# requests that expect no reply", func(s *stats.Server) int64 { return s.NoReply }},
	{"dropped", "# replies to clients that were gone or had been told of a timeout", func(s *stats.Server) int64 { return s.Dropped }},
	{"failed", "# requests whose server connection failed", func(s *stats.Server) int64 { return s.Failed }},
	{"expired", "# requests that failed by timeout; among the others", func(s *stats.Server) int64 { return s.Expired }},
	{"server_connections_resp3", "# active server connections of RESP3; among the others", func(s *stats.Server) int64 { return s.Profiles["resp3"] }},
	{"refuses_resp3", "1 if the server was last heard to refuse RESP3", func(s *stats.Server) int64 { return one(slices.Contains(s.Refuses, "resp3")) }},
	{"pushes", "# what the server sent unasked; it was dropped", pushes},
	{"keyspace_hits", "# commands of one key, such as get, that found it", func(s *stats.Server) int64 { return s.KeyspaceHits }},
	{"keyspace_misses", "# the same that did not", func(s *stats.Server) int64 { return s.KeyspaceMisses }},
	{"weight", "configured weight", func(s *stats.Server) int64 { return int64(s.Weight) }},
	{"share_ppm", "millionths of the keys that the server has now", func(s *stats.Server) int64 { return int64(s.Share * 1e6) }},
	{"queue_p50_us", "median usec from taking a request to writing it to the server", func(s *stats.Server) int64 { return micros(queueTime(s), 0.5) }},
	{"queue_p99_us", "99th percentile of the same", func(s *stats.Server) int64 { return micros(queueTime(s), 0.99) }},
	{"server_p50_us", "median usec from writing a request to the end of its reply", func(s *stats.Server) int64 { return micros(serverTime(s), 0.5) }},
	{"server_p99_us", "99th percentile of the same", func(s *stats.Server) int64 { return micros(serverTime(s), 0.99) }},
	{"server_p999_us", "99.9th percentile of the same", func(s *stats.Server) int64 { return micros(serverTime(s), 0.999) }},
	{"timedout_connections", "# server connections given up because they were late", func(s *stats.Server) int64 { return s.TimedoutConnections }},
}

func refusedCommands(p *stats.Pool) (n int64) {
	for _, of := range p.Refused {
		n += of
	}
	return n
}

func pushes(s *stats.Server) (n int64) {
	for _, of := range s.Pushes {
		n += of
	}
	return n
}

func one(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// up is 1 for a server that gets requests.
func up(s *stats.Server) float64 { return float64(one(s.State != "ejected")) }

func micros(h *stats.Histogram, q float64) int64 { return h.Quantile(q).Microseconds() }

// queueTime is of all classes of commands.
func queueTime(s *stats.Server) *stats.Histogram {
	var all stats.Histogram
	for c := range s.Latency {
		all.Merge(&s.Latency[c].Queue)
	}
	return &all
}

// serverTime is of all classes of commands.
func serverTime(s *stats.Server) *stats.Histogram {
	var all stats.Histogram
	for c := range s.Latency {
		all.Merge(&s.Latency[c].Server)
	}
	return &all
}

// Describe writes what the statistics of pools and servers mean, what -D shows below the version: twemproxy's text, and
// below it ours.
//
// Source: twemproxy 0.5.0 nc_stats.c, stats_describe.
func Describe(w io.Writer) {
	describeStatistics(w, "pool stats", poolStatistics)
	fmt.Fprintln(w)
	describeStatistics(w, "server stats", serverStatistics)
	const where = " of cashew's own, at /stats of the admin address and with global.stats_extended"
	fmt.Fprintln(w)
	describeStatistics(w, "pool stats"+where, morePoolStatistics)
	fmt.Fprintln(w)
	describeStatistics(w, "server stats"+where, moreServerStatistics)
}

func describeStatistics[T any](w io.Writer, title string, of []statistic[T]) {
	fmt.Fprintln(w, title+":")
	for i := range of {
		fmt.Fprintf(w, "  %-19s \"%s\"\n", of[i].name, of[i].description)
	}
}

// statsDocument is the whole document and a newline: twemproxy's keys and nothing else, or extended by ours, each after
// twemproxy's of the same object. Pools and servers stand in order, each after the numbers of what
// holds it, so that one which bears a number's name wins in a reader that keeps the last.
//
//	{"service":"nutcracker", ..., "pool": {"client_eof":0, ..., "server": {"server_eof":0, ...},"server": {...}},"pool": {...}}
//
// Source: twemproxy 0.5.0 nc_stats.c, stats_make_rsp.
func statsDocument(snap *stats.Snapshot, host string, extended bool) []byte {
	dst := []byte(`{"service":"nutcracker", "source":`) // what collectors look for
	dst = appendName(dst, host)
	dst = append(dst, `, "version":`...)
	dst = appendName(dst, snap.Version)
	dst = append(dst, ", "...)
	dst = appendStatistics(dst, globalStatistics, snap)
	if extended {
		dst = appendStatistics(append(dst, ", "...), moreGlobalStatistics, snap)
	}
	before := ", "
	for i := range snap.Pools {
		p := &snap.Pools[i]
		dst = append(appendName(append(dst, before...), p.Name), ": {"...)
		dst = appendStatistics(dst, poolStatistics, p)
		if extended {
			dst = appendStatistics(append(dst, ", "...), morePoolStatistics, p)
		}
		before = ", "
		for j := range p.Servers {
			dst = append(appendName(append(dst, before...), p.Servers[j].Name), ": {"...)
			dst = appendStatistics(dst, serverStatistics, &p.Servers[j])
			if extended {
				dst = appendStatistics(append(dst, ", "...), moreServerStatistics, &p.Servers[j])
			}
			dst = append(dst, '}')
			before = ","
		}
		dst = append(dst, '}')
		before = ","
	}
	return append(dst, "}\n"...)
}

func appendStatistics[T any](dst []byte, of []statistic[T], v *T) []byte {
	for i := range of {
		if i > 0 {
			dst = append(dst, ", "...)
		}
		dst = appendNumber(dst, of[i].name, of[i].value(v))
	}
	return dst
}

func appendNumber(dst []byte, name string, v int64) []byte {
	dst = append(append(append(dst, '"'), name...), `":`...)
	return strconv.AppendInt(dst, v, 10)
}

// appendName appends a JSON string; unlike twemproxy's it is escaped.
func appendName(dst []byte, s string) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(s) // a string always can be
	return append(dst, bytes.TrimSuffix(b.Bytes(), []byte("\n"))...)
}

// statsText is the document of now.
func (s *Server) statsText(ctx context.Context, extended bool) ([]byte, error) {
	snap, err := s.snapshot(ctx)
	if err != nil {
		return nil, err
	}
	host, _ := os.Hostname() // none is fine
	return statsDocument(snap, host, extended), nil
}

// statsPage is the stats port's document by HTTP, always with our statistics.
func (s *Server) statsPage(w http.ResponseWriter, r *http.Request) {
	text, err := s.statsText(r.Context(), true)
	if err != nil {
		writeError(w, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(text) // whoever asked is gone
}

const (
	statsWriteTimeout  = 5 * time.Second
	statsLingerTimeout = time.Second // for whoever connected to take note of the end
	statsLingerBytes   = 64 << 10
)

// ServeStats writes the statistics to each connection that ln accepts and closes it, until Close. It owns ln. Any number
// of listeners may be served.
//
// Source: twemproxy 0.5.0 nc_stats.c, stats_send_rsp.
func (s *Server) ServeStats(ln net.Listener) error {
	s.stats.Lock()
	if s.stats.closed {
		s.stats.Unlock()
		return ln.Close()
	}
	s.stats.listeners = append(s.stats.listeners, ln)
	s.stats.running.Add(1)
	s.stats.Unlock()
	defer s.stats.running.Done()

	slots := make(chan struct{}, maxConns)
	for {
		slots <- struct{}{} // connections end soon, whatever the other side does
		nc, err := ln.Accept()
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err != nil { // such as for want of descriptors
			s.log.Warn("stats: accept failed; going on", "err", err)
			time.Sleep(acceptPause)
			<-slots
			continue
		}
		s.stats.running.Go(func() {
			s.tellStats(nc)
			<-slots
		})
	}
}

// acceptPause keeps an accept that fails at once from taking a processor.
const acceptPause = 100 * time.Millisecond

func (s *Server) closeStats() {
	s.stats.Lock()
	defer s.stats.Unlock()
	s.stats.closed = true
	for _, ln := range s.stats.listeners {
		_ = ln.Close()
	}
}

// tellStats serves one connection. What the other side sent is read and thrown away after the answer: closing with bytes
// unread would reset the connection, and the answer might be lost on its way.
func (s *Server) tellStats(nc net.Conn) {
	defer func() { _ = nc.Close() }()
	text, err := s.statsText(context.Background(), s.src.Proxy.Options().StatsExtended)
	if err != nil {
		s.log.Warn("stats: no answer", "err", err)
		return
	}
	_ = nc.SetDeadline(time.Now().Add(statsWriteTimeout))
	if _, err := nc.Write(text); err != nil {
		return
	}
	if half, ok := nc.(interface{ CloseWrite() error }); !ok || half.CloseWrite() != nil {
		return
	}
	_ = nc.SetDeadline(time.Now().Add(statsLingerTimeout))
	_, _ = io.Copy(io.Discard, io.LimitReader(nc, statsLingerBytes))
}
