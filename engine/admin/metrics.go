package admin

import (
	"context"
	"net/http"
	"runtime"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"cashew/access"
	"cashew/codec/work"
	"cashew/stats"
)

// metric is a counter or a gauge of T.
type metric[T any] struct {
	desc  *prometheus.Desc
	kind  prometheus.ValueType
	value func(*T) float64
	label string // value of the one label that is not T's name
}

// describe makes a metric's description; labels are those that change.
func describe(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("cashew_"+name, help, labels, nil)
}

func counter[T any](desc *prometheus.Desc, label string, value func(*T) int64) metric[T] {
	return metric[T]{desc, prometheus.CounterValue, func(v *T) float64 { return float64(value(v)) }, label}
}

func gauge[T any](desc *prometheus.Desc, value func(*T) float64) metric[T] {
	return metric[T]{desc, prometheus.GaugeValue, value, ""}
}

var (
	descClientCloses = describe("client_closes_total", "Clients that left (eof) or were lost or closed for an error (err).", "pool", "kind")
	descServerErrors = describe("server_errors_total", "Server connections lost: closed by the server (eof), failed (err), "+
		"or too late (timeout).", "pool", "server", "kind")
	descTurned        = describe("clients_refused_total", "Connections that did not become clients, by reason, besides those that were too many.", "pool", "reason")
	descRefused       = describe("refused_commands_total", "Commands refused, by name; rare names together as other.", "pool", "command")
	descRefusedOf     = describe("refused_commands_by_library_total", "Commands refused, by name and by what the client said of its library (CLIENT SETINFO); those beyond 64 together as other.", "pool", "command", "library", "version")
	descLimited       = describe("limited_total", "Commands past a rate limit, by its rule: refused (error) or made to wait (delay).", "pool", "rule", "past")
	descDelay         = describe("limit_delay_seconds_total", "How long commands past a rate limit were made to wait, in all.", "pool", "rule")
	descClientsBy     = describe("client_protocol_connections", "Clients connected, by the version of the protocol that they chose.", "pool", "protocol")
	descServersBy     = describe("server_protocol_connections", "Connections to the server, by version of the protocol.", "pool", "server", "protocol")
	descRefuses       = describe("server_refuses_protocol", "1 for a version of the protocol that the server was last heard to refuse.", "pool", "server", "protocol")
	descPushes        = describe("server_pushes_total", "What the server sent unasked, by kind, messages aside; it was dropped.", "pool", "server", "kind")
	descWriteBack     = describe("write_back_seconds", "From a reply's last byte, or its turn, to its write to the client.", "pool")
	descQueue         = describe("request_queue_seconds", "From taking a command to writing it to its server; not of those that may block.", "pool", "server", "class")
	descRouted        = describe("routed_requests_total", "Requests to servers of another pool, by routes.", "pool", "to")
	descMirrorDropped = describe("mirror_dropped_total", "Copies for the mirror that were not sent, by reason.", "pool", "reason")
	descCompared      = describe("mirror_compared_total", "Reads whose replies by the pool and by its mirror were compared, by outcome.", "pool", "outcome")
	descMirrorSkipped = describe("mirror_skipped_total", "Commands that do not only read, and are never mirrored, by reason.", "pool", "reason")
	descMissFailed    = describe("miss_failures_total", "Times that the next tier could not be asked (ask), or the pool not be filled (fill): not reached, no answer, or an error.", "pool", "step")
	descMissUnfilled  = describe("miss_unfilled_total", "Values that were found in the next tier and not kept, by reason.", "pool", "reason")
	descDual          = describe("dual_write_total", "Writes to this pool and to that of dual_write, by who has acknowledged them.", "pool", "acknowledged")
	descReads         = describe("server_reads_total", "Replies to commands that only read, in pools with replicas: of masters, and of replicas.", "pool", "server", "role", "zone")
	descServer        = describe("request_server_seconds", "From writing a command to its server to the last byte of the reply; not of those that may block.",
		"pool", "server", "class")

	descUp         = describe("up", "1 if all event loops answered in time; else figures are older, or missing.")
	descBuild      = describe("build_info", "Always 1.", "version", "goversion")
	descConfigHash = describe("config_hash_info", "Always 1; the hash is that of /config.", "hash")
	descRingHash   = describe("ring_hash_info", "Always 1; where hashes are the same, keys go the same ways.", "pool", "hash")
	descWorked     = describe("loop_work_seconds_total", "How long the event loop was at work, and not waiting for something to do; estimated.", "loop")
	descReloads    = describe("config_reloads_total", "Attempts to load the configuration anew.", "result")
)

var poolMetrics = []metric[stats.Pool]{
	gauge(describe("client_connections", "Clients connected.", "pool"), func(p *stats.Pool) float64 { return float64(p.ClientConnections) }),
	gauge(describe("clients_blocked", "Clients that nothing more is taken from for now.", "pool"), func(p *stats.Pool) float64 { return float64(p.ClientBlocked) }),
	gauge(describe("clients_waiting", "Clients whose command may block, at a server.", "pool"), func(p *stats.Pool) float64 { return float64(p.ClientWaiting) }),
	gauge(describe("requests_in_flight", "Commands whose reply is owed to a client.", "pool"), func(p *stats.Pool) float64 { return float64(p.InFlight) }),
	gauge(describe("live_servers", "Servers that are not ejected.", "pool"), func(p *stats.Pool) float64 { return float64(p.Live) }),
	counter(descClientCloses, "eof", func(p *stats.Pool) int64 { return p.ClientEOF }),
	counter(descClientCloses, "err", func(p *stats.Pool) int64 { return p.ClientErr }),
	counter(describe("clients_accepted_total", "Clients accepted.", "pool"), "", func(p *stats.Pool) int64 { return p.ClientsAccepted }),
	counter(describe("clients_rejected_total", "Clients refused because there were too many.", "pool"), "", func(p *stats.Pool) int64 { return p.ClientsRejected }),
	counter(describe("tls_handshakes_total", "TLS handshakes with clients.", "pool"), "", func(p *stats.Pool) int64 { return p.TLSHandshakes }),
	counter(describe("tls_handshakes_resumed_total", "Of those, the ones that resumed a session.", "pool"), "", func(p *stats.Pool) int64 { return p.TLSResumed }),
	counter(describe("tls_handshakes_failed_total", "TLS handshakes with clients that failed.", "pool"), "", func(p *stats.Pool) int64 { return p.TLSFailed }),
	gauge(describe("tls_certificate_expires_seconds", "When the certificate that clients are shown expires, in seconds since 1970; 0: none is shown.", "pool"), func(p *stats.Pool) float64 { return float64(p.TLSExpires) }),
	counter(describe("clients_idle_total", "Clients closed because nothing came from them.", "pool"), "", func(p *stats.Pool) int64 { return p.ClientsIdle }),
	counter(describe("logins_failed_total", "Logins of clients that failed.", "pool"), "", func(p *stats.Pool) int64 { return p.LoginsFailed }),
	counter(describe("clients_malformed_total", "Clients closed because they did not keep to the protocol.", "pool"), "", func(p *stats.Pool) int64 { return p.ClientsMalformed }),
	counter(describe("clients_wrong_protocol_total", "Malformed clients that speak another protocol.", "pool"), "", func(p *stats.Pool) int64 { return p.ClientsForeign }),
	counter(describe("clients_slow_total", "Clients closed because they did not take their replies.", "pool"), "", func(p *stats.Pool) int64 { return p.ClientsSlow }),
	counter(describe("clients_slow_subscribers_total", "Clients closed because they did not read what they are subscribed to.", "pool"), "", func(p *stats.Pool) int64 { return p.ClientsSlowSubscribers }),
	gauge(describe("subscriptions", "What clients are subscribed to: channels and patterns, each once for each client.", "pool"), func(p *stats.Pool) float64 { return float64(p.Subscriptions) }),
	counter(describe("clients_moved_total", "Clients that were told before a drain to go elsewhere (MOVING).", "pool"), "", func(p *stats.Pool) int64 { return p.ClientsMoved }),
	counter(describe("messages_total", "Messages of what they are subscribed to given to clients.", "pool"), "", func(p *stats.Pool) int64 { return p.Messages }),
	counter(describe("clients_over_memory_total", "Clients closed because memory ran out.", "pool"), "", func(p *stats.Pool) int64 { return p.ClientsOverMemory }),
	counter(describe("client_request_bytes_total", "Bytes taken from clients.", "pool"), "", func(p *stats.Pool) int64 { return p.RequestBytesFromClients }),
	counter(describe("client_reply_bytes_total", "Bytes written to clients.", "pool"), "", func(p *stats.Pool) int64 { return p.ReplyBytesToClients }),
	counter(describe("local_commands_total", "Commands answered by the proxy.", "pool"), "", func(p *stats.Pool) int64 { return p.LocalCommands }),
	counter(describe("forward_errors_total", "Errors written to clients in place of a server's reply.", "pool"), "", func(p *stats.Pool) int64 { return p.ForwardError }),
	counter(describe("fragments_total", "Requests made of commands with several keys.", "pool"), "", func(p *stats.Pool) int64 { return p.Fragments }),
	counter(describe("server_ejects_total", "Ejections of servers.", "pool"), "", func(p *stats.Pool) int64 { return p.ServerEjects }),
	counter(describe("server_out_of_step_total", "Server connections closed because replies could not be trusted.", "pool"), "", func(p *stats.Pool) int64 { return p.ServerOutOfStep }),
	counter(describe("failure_misses_total", "Reads answered as a miss because a server failed.", "pool"), "", func(p *stats.Pool) int64 { return p.FailureMisses }),
	counter(describe("cross_server_scripts_total", "Scripts whose keys live on several servers.", "pool"), "", func(p *stats.Pool) int64 { return p.CrossServerScripts }),
	gauge(describe("scripts_known", "Scripts that the proxy can load at servers which lack them.", "pool"), func(p *stats.Pool) float64 { return float64(p.ScriptsKnown) }),
	counter(describe("scripts_displaced_total", "Scripts forgotten to make room for others.", "pool"), "", func(p *stats.Pool) int64 { return p.ScriptsDisplaced }),
	counter(describe("script_loads_total", "Scripts loaded at servers that lacked them.", "pool"), "", func(p *stats.Pool) int64 { return p.ScriptLoads }),
	counter(describe("script_repeats_total", "Calls of scripts sent again behind that, of which the client noticed nothing.", "pool"), "", func(p *stats.Pool) int64 { return p.ScriptRepeats }),
	gauge(describe("commands_learned", "Commands that the proxy does not know itself and that servers have told it of.", "pool"), func(p *stats.Pool) float64 { return float64(p.CommandsLearned) }),
	counter(describe("keys_left_out_total", "Keys left out of replies because a server failed.", "pool"), "", func(p *stats.Pool) int64 { return p.LostKeys }),
}

var sentinelMetrics = []metric[stats.Sentinel]{
	gauge(describe("sentinel_known", "Sentinels of the pool that are known.", "pool"), func(s *stats.Sentinel) float64 { return float64(s.Sentinels) }),
	gauge(describe("sentinel_masters_unknown", "Masters of which no sentinel has told where they are.", "pool"), func(s *stats.Sentinel) float64 { return float64(s.Unknown) }),
	gauge(describe("sentinel_masters_held", "Masters that a replica is about to replace, for which writes wait.", "pool"), func(s *stats.Sentinel) float64 { return float64(s.Held) }),
	counter(describe("sentinel_switches_total", "Changes of where masters are that came into force.", "pool"), "", func(s *stats.Sentinel) int64 { return s.Applied }),
	counter(describe("sentinel_rounds_failed_total", "Attempts to learn where masters are in which no sentinel answered.", "pool"), "", func(s *stats.Sentinel) int64 { return s.Failed }),
}

var discoveryMetrics = []metric[stats.Discovery]{
	gauge(describe("discovery_up", "1 while the source of the pool's servers tells lists that can be read.", "pool"), func(d *stats.Discovery) float64 { return float64(one(d.Up)) }),
	gauge(describe("discovery_last_list_timestamp_seconds", "When the source told a list last; 0: never.", "pool"), func(d *stats.Discovery) float64 { return float64(d.Told) }),
	gauge(describe("discovery_servers", "Servers in force that were discovered, or that the pool began with; 0: none is known.", "pool"), func(d *stats.Discovery) float64 { return float64(d.Known) }),
	gauge(describe("discovery_waiting_servers", "Servers that would join, leave or change their weight, and do not, by on_membership, as the list is doubted, or since it has to stay the same for longer.", "pool"), func(d *stats.Discovery) float64 { return float64(d.Waiting) }),
	gauge(describe("discovery_held_servers", "Servers whose address has changed too often to change again at once.", "pool"), func(d *stats.Discovery) float64 { return float64(d.Held) }),
	gauge(describe("discovery_unkept", "1 while the file of discovery_cache does not have the servers in force, for it can't be written.", "pool"), func(d *stats.Discovery) float64 { return float64(one(d.Unkept)) }),
	counter(describe("discovery_changes_total", "Lists that came into force with other names or weights.", "pool"), "", func(d *stats.Discovery) int64 { return d.Changed }),
	counter(describe("discovery_moves_total", "Addresses of known names that came into force in place of others.", "pool"), "", func(d *stats.Discovery) int64 { return d.Moved }),
	counter(describe("discovery_refused_total", "Lists that were told and refused, for a mistake or as they can't be used; of a file that is no file or too large as well. While nothing is told cashew_discovery_up alone is 0.", "pool"), "", func(d *stats.Discovery) int64 { return d.Refused }),
}

var replicaMetrics = []metric[stats.Server]{
	gauge(describe("replica_well", "1 if the replica gets reads, 0 while it is not well.", "pool", "server", "master"), func(s *stats.Server) float64 { return float64(one(s.State == "live")) }),
	gauge(describe("replica_lag_seconds", "How far the replica was behind its master, as it was last looked at; below 0: nobody knows.", "pool", "server", "master"), func(s *stats.Server) float64 { return s.Lag }),
}

var clusterMetrics = []metric[stats.Cluster]{
	gauge(describe("cluster_epoch", "The highest configuration epoch of a master of the cluster that has slots.", "pool"), func(c *stats.Cluster) float64 { return float64(c.Epoch) }),
	gauge(describe("cluster_slots_unowned", "Slots of the cluster that no server has, as far as is known.", "pool"), func(c *stats.Cluster) float64 { return float64(c.Unowned) }),
	counter(describe("cluster_maps_applied_total", "Changes of who has which slot that came into force.", "pool"), "", func(c *stats.Cluster) int64 { return c.Applied }),
	counter(describe("cluster_rounds_failed_total", "Attempts to learn who has which slot in which no server answered.", "pool"), "", func(c *stats.Cluster) int64 { return c.Failed }),
}

var serverMetrics = []metric[stats.Server]{
	gauge(describe("server_up", "1 if the server gets requests, 0 while it is ejected.", "pool", "server"), up),
	gauge(describe("server_on_trial", "1 while the server is back but not trusted yet.", "pool", "server"), func(s *stats.Server) float64 { return float64(one(s.State == "trial")) }),
	gauge(describe("server_weight", "Configured weight.", "pool", "server"), func(s *stats.Server) float64 { return float64(s.Weight) }),
	gauge(describe("server_share_ratio", "Part of the keys that the server has now.", "pool", "server"), func(s *stats.Server) float64 { return s.Share }),
	gauge(describe("server_last_eject_timestamp_seconds", "When the server was ejected last; 0: never.", "pool", "server"), func(s *stats.Server) float64 { return float64(s.ServerEjectedAt) / 1e6 }),
	gauge(describe("server_connections", "Connections to the server.", "pool", "server"), func(s *stats.Server) float64 { return float64(s.ServerConnections) }),
	gauge(describe("in_queue_requests", "Requests not written to the server yet.", "pool", "server"), func(s *stats.Server) float64 { return float64(s.InQueue) }),
	gauge(describe("in_queue_bytes", "Bytes of requests not written to the server yet.", "pool", "server"), func(s *stats.Server) float64 { return float64(s.InQueueBytes) }),
	gauge(describe("server_connections_leased", "Connections that one client has for itself at the moment, since it watches keys or may block; among the others.", "pool", "server"), func(s *stats.Server) float64 { return float64(s.Leased) }),
	gauge(describe("out_queue_requests", "Requests that await the server's reply.", "pool", "server"), func(s *stats.Server) float64 { return float64(s.OutQueue) }),
	gauge(describe("out_queue_bytes", "Bytes of requests that await the server's reply.", "pool", "server"), func(s *stats.Server) float64 { return float64(s.OutQueueBytes) }),
	counter(describe("requests_total", "Requests to the server, fragments each.", "pool", "server"), "", func(s *stats.Server) int64 { return s.Requests }),
	counter(describe("request_bytes_total", "Bytes of requests to the server.", "pool", "server"), "", func(s *stats.Server) int64 { return s.RequestBytes }),
	counter(describe("responses_total", "Replies of the server.", "pool", "server"), "", func(s *stats.Server) int64 { return s.Responses }),
	counter(describe("response_bytes_total", "Bytes of the server's replies.", "pool", "server"), "", func(s *stats.Server) int64 { return s.ResponseBytes }),
	counter(describe("no_reply_requests_total", "Requests that expect no reply.", "pool", "server"), "", func(s *stats.Server) int64 { return s.NoReply }),
	counter(describe("dropped_responses_total", "Replies to clients that were gone or had been told of a timeout.", "pool", "server"), "", func(s *stats.Server) int64 { return s.Dropped }),
	counter(describe("failed_requests_total", "Requests whose server connection failed.", "pool", "server"), "", func(s *stats.Server) int64 { return s.Failed }),
	counter(describe("expired_requests_total", "Requests that failed by timeout; among the others.", "pool", "server"), "", func(s *stats.Server) int64 { return s.Expired }),
	gauge(describe("server_subscriptions", "What the proxy is subscribed to at the server for its clients, once for each loop.", "pool", "server"), func(s *stats.Server) float64 { return float64(s.Subscriptions) }),
	counter(describe("server_resubscribed_total", "Subscriptions begun anew since they were lost with their connection: messages in between were missed.", "pool", "server"), "", func(s *stats.Server) int64 { return s.Resubscribed }),
	counter(describe("server_messages_total", "Messages that the server sent for them.", "pool", "server"), "", func(s *stats.Server) int64 { return s.Messages }),
	counter(describe("server_lease_waits_total", "Commands that waited for a connection for their client alone, since all were in use.", "pool", "server"), "", func(s *stats.Server) int64 { return s.LeaseWaits }),
	counter(describe("server_lease_refusals_total", "Commands that waited for one in vain.", "pool", "server"), "", func(s *stats.Server) int64 { return s.LeaseRefusals }),
	counter(describe("server_redials_total", "Connections given up because the server said that it is no master, or for long that it is not ready.", "pool", "server"), "", func(s *stats.Server) int64 { return s.Redials }),
	counter(describe("server_unneeded_auth_total", "Connections to a server that has no password though redis_auth gives one.", "pool", "server"), "", func(s *stats.Server) int64 { return s.Remarks }),
	counter(describe("keyspace_hits_total", "Commands of one key, such as GET, that found it.", "pool", "server"), "", func(s *stats.Server) int64 { return s.KeyspaceHits }),
	counter(describe("keyspace_misses_total", "The same that did not.", "pool", "server"), "", func(s *stats.Server) int64 { return s.KeyspaceMisses }),
	counter(descServerErrors, "eof", func(s *stats.Server) int64 { return s.ServerEOF }),
	counter(descServerErrors, "err", func(s *stats.Server) int64 { return s.ServerErr }),
	counter(descServerErrors, "timeout", func(s *stats.Server) int64 { return s.TimedoutConnections }),
}

var proxyMetrics = []metric[stats.Snapshot]{
	gauge(describe("event_loops", "Event loops."), func(s *stats.Snapshot) float64 { return float64(s.Loops) }),
	gauge(describe("silent_event_loops", "Event loops that did not answer in time."), func(s *stats.Snapshot) float64 { return float64(s.Silent) }),
	gauge(describe("draining", "1 once the proxy was told to stop."), func(s *stats.Snapshot) float64 { return float64(one(s.Draining)) }),
	counter(describe("panics_total", "Panics and broken invariants survived."), "", func(s *stats.Snapshot) int64 { return s.Panics }),
	counter(describe("connections_total", "Connections of clients and to servers, and listeners, ever."), "", func(s *stats.Snapshot) int64 { return s.TotalConnections }),
	gauge(describe("connections", "Connections of clients and to servers, and listeners."), func(s *stats.Snapshot) float64 { return float64(s.CurrConnections) }),
	counter(describe("access_log_entries_total", "Commands that were put into the access log."), "", func(s *stats.Snapshot) int64 { return s.AccessLines }),
	counter(describe("access_log_dropped_total", "Commands that were to be in the access log, and are not, as there were more in a second than it may have, or it could not be written."), "", func(s *stats.Snapshot) int64 { return s.AccessDropped }),
	counter(describe("traces_total", "Commands that were to be traces."), "", func(s *stats.Snapshot) int64 { return s.Traces }),
	counter(describe("traces_dropped_total", "Commands of those that the collector was not told of, as there were too many, or it did not take them."), "", func(s *stats.Snapshot) int64 { return s.TracesDropped }),
	counter(describe("audit_events_total", "Events that were put into the audit log."), "", func(s *stats.Snapshot) int64 { return s.AuditEvents }),
	counter(describe("audit_summed_total", "Events of those that are counted in one line with others of their client's address, which had too many."), "", func(s *stats.Snapshot) int64 { return s.AuditSummed }),
	counter(describe("audit_dropped_total", "Events that the audit log lacks, as it could not be written, or not as fast."), "", func(s *stats.Snapshot) int64 { return s.AuditDropped }),
	counter(descReloads, "success", func(s *stats.Snapshot) int64 { return s.Reload.Succeeded }),
	counter(descReloads, "failure", func(s *stats.Snapshot) int64 { return s.Reload.Failed }),
	gauge(describe("config_last_reload_successful", "0 if the last attempt to load the configuration anew failed."), func(s *stats.Snapshot) float64 { return float64(one(s.Reload.Err == "")) }),
	gauge(describe("config_last_reload_timestamp_seconds", "When that was; 0: never."), lastReload),
}

func lastReload(s *stats.Snapshot) float64 {
	if s.Reload.At.IsZero() {
		return 0
	}
	return float64(s.Reload.At.UnixMilli()) / 1e3
}

// metricsWith is a handler of our metrics, with so many hot keys of each pool, and of those of the Go runtime and the process.
func (s *Server) metricsWith(hot int) http.Handler {
	reg := prometheus.NewRegistry()
	reg.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), collector{s, hot})
	return promhttp.HandlerFor(reg, promhttp.HandlerOpts{
		ErrorHandling:       promhttp.ContinueOnError,
		MaxRequestsInFlight: maxConns,
		EnableOpenMetrics:   true,
	})
}

// collector makes metrics of one snapshot for each scrape.
type collector struct {
	s   *Server
	hot int // keys of each pool
}

// Describe implements prometheus.Collector.
func (collector) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{descUp, descBuild, descWorked, descConfigHash, descRingHash, descTurned, descRefused, descRefusedOf, descRouted, descMirrorDropped, descMirrorSkipped, descLimited, descDelay, descClientsBy, descServersBy, descRefuses, descPushes, descReads, descTracking, descHotClient, descWriteBack, descQueue, descServer} {
		out <- d
	}
	describeAll(out, proxyMetrics)
	describeAll(out, poolMetrics)
	describeAll(out, clusterMetrics)
	describeAll(out, sentinelMetrics)
	describeAll(out, discoveryMetrics)
	describeAll(out, missMetrics)
	describeAll(out, nearMetrics)
	describeAll(out, hotMetrics)
	describeAll(out, mirrorMetrics)
	describeAll(out, dualMetrics)
	describeAll(out, serverMetrics)
	describeAll(out, replicaMetrics)
}

// describeAll may tell a description several times: those that differ in a label only.
func describeAll[T any](out chan<- *prometheus.Desc, of []metric[T]) {
	for i := range of {
		out <- of[i].desc
	}
}

// Collect implements prometheus.Collector.
func (c collector) Collect(out chan<- prometheus.Metric) {
	snap, err := c.s.snapshot(context.Background())
	out <- prometheus.MustNewConstMetric(descUp, prometheus.GaugeValue, float64(one(err == nil && snap.Silent == 0)))
	config := c.s.configNow()
	out <- prometheus.MustNewConstMetric(descConfigHash, prometheus.GaugeValue, 1, label(config.Hash))
	for pool, hash := range config.RingHash {
		out <- prometheus.MustNewConstMetric(descRingHash, prometheus.GaugeValue, 1, label(pool), label(hash))
	}
	if err != nil {
		return
	}
	out <- prometheus.MustNewConstMetric(descBuild, prometheus.GaugeValue, 1, label(snap.Version), runtime.Version())
	collect(out, proxyMetrics, snap)
	for i, us := range snap.Worked {
		out <- prometheus.MustNewConstMetric(descWorked, prometheus.CounterValue, float64(us)/1e6, strconv.Itoa(i))
	}
	for i := range snap.Pools {
		c.collectPool(out, &snap.Pools[i])
	}
	if c.hot > 0 {
		c.s.collectHot(out, c.hot)
	}
}

func (c collector) collectPool(out chan<- prometheus.Metric, p *stats.Pool) {
	pool := label(p.Name)
	collect(out, poolMetrics, p, pool)
	if p.Cluster != nil {
		collect(out, clusterMetrics, p.Cluster, pool)
	}
	if p.Discovery != nil {
		collect(out, discoveryMetrics, p.Discovery, pool)
	}
	if p.Sentinel != nil {
		collect(out, sentinelMetrics, p.Sentinel, pool)
	}
	if p.Miss != nil {
		collect(out, missMetrics, p.Miss, pool)
	}
	if p.Dual != nil {
		collect(out, dualMetrics, p.Dual, pool)
	}
	if p.Near != nil {
		collectNear(out, p, pool)
	}
	if p.Mirror != nil {
		collect(out, mirrorMetrics, p.Mirror, pool)
		collectNamed(out, descMirrorDropped, prometheus.CounterValue, p.Mirror.Dropped, pool)
		collectNamed(out, descMirrorSkipped, prometheus.CounterValue, p.Mirror.Skipped, pool)
	}
	collectNamed(out, descTurned, prometheus.CounterValue, p.ClientsRefused, pool)
	collectNamed(out, descRefused, prometheus.CounterValue, p.Refused, pool)
	collectNamed(out, descRouted, prometheus.CounterValue, p.Routed, pool)
	for _, to := range p.RefusedOf.Sorted() {
		n := float64(p.RefusedOf[to])
		out <- prometheus.MustNewConstMetric(descRefusedOf, prometheus.CounterValue, n, pool, label(to.Command), label(to.Library), label(to.Version))
	}
	for i := range p.RateLimits {
		l := &p.RateLimits[i]
		out <- prometheus.MustNewConstMetric(descLimited, prometheus.CounterValue, float64(l.Times), pool, label(l.Rule), l.Past)
		out <- prometheus.MustNewConstMetric(descDelay, prometheus.CounterValue, l.Waited, pool, label(l.Rule))
	}
	collectNamed(out, descClientsBy, prometheus.GaugeValue, p.Profiles, pool)
	c.exemplified(out, descWriteBack, &p.WriteBack, access.Series{Of: access.WriteTime, Pool: p.Name}, pool)
	for i := range p.Servers {
		s := &p.Servers[i]
		server := label(s.Name)
		collect(out, serverMetrics, s, pool, server)
		if p.Replicated() {
			collectReads(out, s, pool)
		}
		collectNamed(out, descServersBy, prometheus.GaugeValue, s.Profiles, pool, server)
		collectNamed(out, descPushes, prometheus.CounterValue, s.Pushes, pool, server)
		for _, protocol := range s.Refuses {
			out <- prometheus.MustNewConstMetric(descRefuses, prometheus.GaugeValue, 1, pool, server, protocol)
		}
		c.collectLatency(out, s, p.Name)
	}
}

// collectReads sends how many reads a server answered, and how it is as a replica if it is one.
func collectReads(out chan<- prometheus.Metric, s *stats.Server, pool string) {
	role := "master"
	if s.Of != "" {
		role = "replica"
		collect(out, replicaMetrics, s, pool, label(s.Name), label(s.Of))
	}
	reads := float64(s.Latency[work.Read].Server.Count())
	out <- prometheus.MustNewConstMetric(descReads, prometheus.CounterValue, reads, pool, label(s.Name), role, label(s.Zone))
}

// collectNamed sends a metric for each name of values, which is its last label.
func collectNamed(out chan<- prometheus.Metric, desc *prometheus.Desc, kind prometheus.ValueType, values map[string]int64, labels ...string) {
	for name, n := range values {
		out <- prometheus.MustNewConstMetric(desc, kind, float64(n), slices.Concat(labels, []string{label(name)})...)
	}
}

// collect sends the metrics of v, whose names are labels.
func collect[T any](out chan<- prometheus.Metric, of []metric[T], v *T, labels ...string) {
	for i := range of {
		m := &of[i]
		all := labels
		if m.label != "" {
			all = slices.Concat(labels, []string{m.label})
		}
		out <- prometheus.MustNewConstMetric(m.desc, m.kind, m.value(v), all...)
	}
}

// Every fourth bound of a Histogram, from 10 µs to 5.2 s: each is twice the one before. Durations of a server in trouble
// are beyond, in +Inf.
const (
	firstBound = 8
	lastBound  = 84
	boundStep  = 4
)

// collectHistogram sends h, unless it is empty: most servers never see some classes.
func collectHistogram(out chan<- prometheus.Metric, desc *prometheus.Desc, h *stats.Histogram, labels ...string) {
	if h.Count() == 0 {
		return
	}
	var count uint64
	buckets := make(map[float64]uint64, (lastBound-firstBound)/boundStep+1)
	for i, n := range h.Counts {
		count += uint64(n)
		if i >= firstBound && i <= lastBound && (i-firstBound)%boundStep == 0 {
			buckets[stats.HistogramBound(i).Seconds()] = count
		}
	}
	out <- prometheus.MustNewConstHistogram(desc, count, h.Sum.Seconds(), buckets, labels...)
}

// label is s as a label's value, which must be UTF-8; a command's name may be any bytes.
func label(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	return strconv.Quote(s)
}
