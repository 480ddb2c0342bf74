package resp

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"cashew/codec"
	"cashew/codec/about"
)

// INFO in a pool of one server is the server's, but for what it knows nothing of. Where there are several it is about the proxy, which is what
// clients that connect ask for, unless it names sections of the servers': then it is what theirs say together; see infosum.go.
var (
	ownSections  = []string{"proxy", "servers"}
	toldSections = []string{"proxy", "servers", "replication"} // clients look for a master
)

// onlySections tells of an INFO with arguments whether it names no other sections.
func onlySections(frame []byte, sections []string) bool {
	args := argsOf(frame)
	args.next()
	for args.left > 0 {
		name := args.next()
		if !slices.ContainsFunc(sections, func(s string) bool { return equalFold(name, s) }) {
			return false
		}
	}
	return true
}

// appendInfoReply is INFO [section ...]. All of the proxy's sections are among Redis's default ones; a section that there
// is not is passed over. Source: redis 7.0 server.c, genInfoSectionDict and genRedisInfoString.
func (p *Protocol) appendInfoReply(dst []byte, pr codec.Profile, args arguments, proxy about.Proxy) []byte {
	all := args.left == 0
	var wanted []string
	for args.left > 0 {
		name := strings.ToLower(string(args.next()))
		all = all || name == "all" || name == "default" || name == "everything"
		wanted = append(wanted, name)
	}
	facts := proxy.Facts()
	var t infoText
	for _, s := range infoSections {
		if !all && !slices.Contains(wanted, strings.ToLower(s.title)) {
			continue
		}
		if len(t) > 0 {
			t = append(t, crlf...)
		}
		t = append(t, "# "+s.title+crlf...)
		s.write(p, &t, facts)
	}
	return appendVerbatim(dst, pr, t)
}

// infoSections are INFO's in their order. A client asks for one by its title, in capitals or not. What stands in them has
// Redis's names and units as far as Redis has it: monitoring reads used_memory in bytes and uptime_in_seconds in whole seconds.
var infoSections = []struct {
	title string
	write func(p *Protocol, t *infoText, f *about.Facts)
}{
	{"Server", (*Protocol).infoServer},
	{"Clients", infoClients},
	{"Memory", infoMemory},
	{"Persistence", func(_ *Protocol, t *infoText, _ *about.Facts) { t.count("loading", 0) }}, // clients wait while it is not 0
	{"Stats", infoStats},
	{"Replication", infoReplication},
	{"Cluster", func(p *Protocol, t *infoText, _ *about.Facts) { t.flag("cluster_enabled", p.cluster) }},
	{"CPU", infoCPU},
	{"Proxy", infoProxy},
	{"Servers", infoServers},
}

// infoText is lines of a name and what stands behind it: "loading:0".
type infoText []byte

func (t *infoText) text(name, value string) { *t = append(*t, name+":"+value+crlf...) }

func (t *infoText) count(name string, n int64) { t.text(name, strconv.FormatInt(n, 10)) }

func (t *infoText) flag(name string, on bool) {
	if on {
		t.count(name, 1)
	} else {
		t.count(name, 0)
	}
}

// seconds has six digits after the point: 90.500000.
func (t *infoText) seconds(name string, d time.Duration) {
	t.text(name, strconv.FormatFloat(d.Seconds(), 'f', 6, 64))
}

func (p *Protocol) infoServer(t *infoText, f *about.Facts) {
	port := f.Pool.Port
	if port == "" {
		port = "0" // what Redis says of a unix socket
	}
	t.text("redis_version", p.version)
	t.text("redis_mode", p.mode())
	t.text("cashew_version", f.Process.Version)
	t.text("os", f.Process.System+" "+f.Process.Machine)
	t.count("arch_bits", int64(f.Process.WordBits))
	t.text("go_version", f.Process.GoVersion)
	t.count("process_id", int64(f.Process.PID))
	t.text("tcp_port", port)
	t.count("server_time_usec", f.Process.At.UnixMicro())
	t.count("uptime_in_seconds", int64(f.Process.Uptime/time.Second))
	t.count("uptime_in_days", int64(f.Process.Uptime/(24*time.Hour)))
	if f.Process.Executable != "" {
		t.text("executable", f.Process.Executable)
	}
}

func infoClients(_ *Protocol, t *infoText, f *about.Facts) {
	t.count("connected_clients", f.Pool.Clients)
	t.count("maxclients", f.Pool.ClientLimit)
	t.count("blocked_clients", f.Pool.Blocked)
}

// infoMemory is about the process: pools share its memory.
func infoMemory(_ *Protocol, t *infoText, f *about.Facts) {
	t.count("used_memory", f.Process.HeapBytes)
	if f.Process.ResidentBytes >= 0 {
		t.count("used_memory_rss", f.Process.ResidentBytes)
	}
	t.count("maxmemory", f.Process.MaxMemoryBytes)
	t.text("maxmemory_policy", "noeviction") // the proxy keeps no keys; queues ask for it
}

// infoStats counts a command that went to several servers once for each.
func infoStats(_ *Protocol, t *infoText, f *about.Facts) {
	commands := f.Pool.Local
	for i := range f.Servers {
		commands += f.Servers[i].Requests
	}
	t.count("total_connections_received", f.Pool.Accepted)
	t.count("total_commands_processed", commands)
	t.count("total_net_input_bytes", f.Pool.BytesIn)
	t.count("total_net_output_bytes", f.Pool.BytesOut)
	t.count("rejected_connections", f.Pool.Rejected)
	t.count("acl_access_denied_auth", f.Pool.LoginsFailed)
}

// infoReplication has clients that look for a master take the proxy for one.
func infoReplication(_ *Protocol, t *infoText, _ *about.Facts) {
	t.text("role", "master")
	t.count("connected_slaves", 0)
}

func infoCPU(_ *Protocol, t *infoText, f *about.Facts) {
	if f.Process.HasCPU {
		t.seconds("used_cpu_sys", f.Process.SystemCPU)
		t.seconds("used_cpu_user", f.Process.UserCPU)
	}
}

// infoProxy has what Redis knows nothing of.
func infoProxy(_ *Protocol, t *infoText, f *about.Facts) {
	t.text("cashew_version", f.Process.Version)
	t.count("uptime_in_seconds", int64(f.Process.Uptime/time.Second))
	t.count("used_memory", f.Process.HeapBytes)
	t.count("maxmemory", f.Process.MaxMemoryBytes)
	t.count("connected_clients", f.Pool.Clients)
	t.count("blocked_clients", f.Pool.Blocked)
	t.text("pool", f.Pool.Name)
	t.count("pools", int64(f.Process.Pools))
	t.count("loops", int64(f.Process.Loops))
	t.flag("draining", f.Process.Draining)
	t.count("panics", f.Process.Panics)
	t.count("reloads_succeeded", f.Process.ReloadsSucceeded)
	t.count("reloads_failed", f.Process.ReloadsFailed)
	if !f.Process.ReloadAt.IsZero() {
		t.count("last_reload_time", f.Process.ReloadAt.Unix())
		t.flag("last_reload_failed", f.Process.ReloadFailed)
	}
	t.count("in_flight", f.Pool.InFlight)
	t.count("local_commands", f.Pool.Local)
	t.count("fragments", f.Pool.Fragments)
	t.count("forward_error", f.Pool.ForwardError)
	t.count("failure_misses", f.Pool.FailureMisses)
	t.count("keys_left_out", f.Pool.LostKeys)
	t.count("cross_server_scripts", f.Pool.CrossServerScripts)
	t.count("server_ejects", f.Pool.Ejects)
	t.count("server_out_of_step", f.Pool.OutOfSteps)
	t.count("client_eof", f.Pool.EOF)
	t.count("client_err", f.Pool.Err)
	t.count("slow_clients", f.Pool.Slow)
	t.count("over_memory_clients", f.Pool.OverMemory)
	t.count("malformed_clients", f.Pool.Malformed)
}

// infoServers has a line for each server, in the shape of Redis's lines for replicas.
func infoServers(_ *Protocol, t *infoText, f *about.Facts) {
	t.count("servers", int64(len(f.Servers)))
	t.count("servers_live", int64(f.Pool.Live))
	for i := range f.Servers {
		s := &f.Servers[i]
		t.text("server"+strconv.Itoa(i), fmt.Sprintf(
			"name=%s,addr=%s,state=%s,share=%.4f,connections=%d,requests=%d,responses=%d,in_queue=%d,out_queue=%d,timedout=%d,err=%d,eof=%d",
			s.Name, s.Addr, s.State, s.Share, s.Connections, s.Requests, s.Responses, s.InQueue, s.OutQueue, s.Expired, s.Err, s.EOF))
	}
}
