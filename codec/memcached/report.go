package memcached

import (
	"strconv"
	"time"

	"cashew/codec"
	"cashew/codec/about"
)

// AppendReport implements codec.Reports: stats, the proxy's own figures. The first have memcached's names and units, among them
// uptime and time in whole seconds; the others are twemproxy's or ours.
func (p *Protocol) AppendReport(dst []byte, cl codec.Client, _ uint16, frame []byte, proxy about.Proxy) (out []byte, last bool) {
	if cl.Profile == Binary {
		return appendStats(dst, headerOf(frame).mark, reportText(nil, proxy)), false
	}
	return append(reportText(dst, proxy), replyEnd...), false
}

// reportText appends lines of STAT.
func reportText(dst []byte, proxy about.Proxy) []byte {
	f := proxy.Facts()
	t := statsText(dst)
	t.count("pid", int64(f.Process.PID))
	t.count("uptime", int64(f.Process.Uptime/time.Second))
	t.count("time", f.Process.At.Unix())
	t.text("version", f.Process.Version)
	t.count("pointer_size", int64(f.Process.WordBits))
	t.count("curr_connections", f.Pool.Clients)
	t.count("total_connections", f.Pool.Accepted)
	t.count("rejected_connections", f.Pool.Rejected)
	t.count("auth_errors", f.Pool.LoginsFailed)
	t.count("threads", int64(f.Process.Loops))
	t.text("pool", f.Pool.Name)
	t.count("servers", int64(len(f.Servers)))
	t.count("servers_live", int64(f.Pool.Live))
	t.count("server_ejects", f.Pool.Ejects)
	t.count("server_out_of_step", f.Pool.OutOfSteps)
	t.count("forward_error", f.Pool.ForwardError)
	t.count("keys_left_out", f.Pool.LostKeys)
	t.count("failure_misses", f.Pool.FailureMisses)
	t.count("slow_clients", f.Pool.Slow)
	t.count("over_memory_clients", f.Pool.OverMemory)
	t.count("malformed_clients", f.Pool.Malformed)
	t.count("wrong_protocol_clients", f.Pool.Foreign)
	if f.Process.HasCPU {
		t.seconds("rusage_system", f.Process.SystemCPU)
		t.seconds("rusage_user", f.Process.UserCPU)
	}
	t.count("bytes_read", f.Pool.BytesIn)
	t.count("bytes_written", f.Pool.BytesOut)
	t.count("local_commands", f.Pool.Local)
	t.count("fragments", f.Pool.Fragments)
	t.count("in_flight", f.Pool.InFlight)
	for i := range f.Servers {
		s := &f.Servers[i]
		t.text("server_"+s.Name+"_state", s.State)
		t.count("server_"+s.Name+"_requests", s.Requests)
	}
	return t
}

// statsText is lines of a name and what stands behind it: "STAT threads 4".
type statsText []byte

func (t *statsText) text(name, value string) { *t = append(*t, "STAT "+name+" "+value+crlf...) }

func (t *statsText) count(name string, n int64) { t.text(name, strconv.FormatInt(n, 10)) }

// seconds has six digits after the point: 90.500000.
func (t *statsText) seconds(name string, d time.Duration) {
	t.text(name, strconv.FormatFloat(d.Seconds(), 'f', 6, 64))
}
