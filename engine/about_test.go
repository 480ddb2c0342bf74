package engine

import (
	"os"
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cashew/codec/about"
	"cashew/stats"
)

// TestFacts: each fact is told of what was counted for it.
func TestFacts(t *testing.T) {
	at := time.Unix(1700000000, 0)
	sight := &fakeSight{stats: stats.Pool{
		Name: "sim", Live: 1, ClientEOF: 2, ClientErr: 3, ClientConnections: 4, ServerEjects: 5, ForwardError: 6, Fragments: 7,
		ClientsAccepted: 8, ClientsRejected: 9, LoginsFailed: 60, ClientsRefused: map[string]int64{"a": 1, "b": 70}, ClientsMalformed: 10, ClientsForeign: 11, ClientsSlow: 12, ClientsOverMemory: 13,
		FailureMisses: 14, LostKeys: 15, CrossServerScripts: 16, ServerOutOfStep: 17, ClientBlocked: 60, ClientWaiting: 18, LocalCommands: 19,
		RequestBytesFromClients: 20, ReplyBytesToClients: 21, InFlight: 22,
		Servers: []stats.Server{{
			Name: "s0", PName: "p:1", Addr: "h:1", State: "live", Share: 0.5, ServerEOF: 30, ServerErr: 31, ServerConnections: 32,
			Requests: 33, Responses: 34, InQueue: 35, OutQueue: 36, Expired: 37,
		}, {Name: "s1"}},
	}}
	want := &about.Facts{
		Process: about.ProcessFacts{
			Version: "9.9", System: runtime.GOOS, Machine: runtime.GOARCH, WordBits: strconv.IntSize, GoVersion: runtime.Version(),
			PID: os.Getpid(), At: at, Uptime: 25 * time.Hour, Loops: 3, Pools: 2, Draining: true, Panics: 1,
			ReloadsSucceeded: 4, ReloadsFailed: 5, ReloadAt: at.Add(-time.Minute), ReloadFailed: true,
			MaxMemoryBytes: 1 << 30, HasCPU: true,
		},
		Pool: about.PoolFacts{
			Name: "sim", Port: "22121", Clients: 4, ClientLimit: 8, Blocked: 18, InFlight: 22, Accepted: 8, Rejected: 80, LoginsFailed: 60, EOF: 2, Err: 3,
			Slow: 12, OverMemory: 13, Malformed: 10, Foreign: 11, BytesIn: 20, BytesOut: 21, Local: 19, Fragments: 7,
			ForwardError: 6, FailureMisses: 14, LostKeys: 15, CrossServerScripts: 16, Live: 1, Ejects: 5, OutOfSteps: 17,
		},
		Servers: []about.ServerFacts{{
			Name: "s0", Addr: "h:1", State: "live", Share: 0.5, Connections: 32, Requests: 33, Responses: 34, InQueue: 35, OutQueue: 36,
			Expired: 37, Err: 31, EOF: 30,
		}, {Name: "s1"}},
	}
	simReports(t, sight, func(o *Options, po *PoolOptions) {
		o.MaxMemoryBytes, po.ClientConnections, po.Listen = 1<<30, 9, Listen{Network: "tcp", Addr: "[::1]:22121"}
	}, func(s *sim) {
		s.pool.reports.proxy.clientLimit.Store(8)
		v := &view{rp: s.pool.reports, pool: s.pool}
		got := v.Facts()
		if p := &got.Process; p.HeapBytes <= 0 || runtime.GOOS == "linux" && p.ResidentBytes <= 0 || p.SystemCPU+p.UserCPU <= 0 || p.Executable == "" {
			t.Errorf("of the process: %+v", p)
		}
		got.Process.HeapBytes, got.Process.ResidentBytes, got.Process.SystemCPU, got.Process.UserCPU, got.Process.Executable = 0, 0, 0, 0, ""
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("facts (-want +got):\n%s", diff)
		}

		s.pool.opts.Listen = Listen{Network: "unix", Addr: "/run/x:1"}
		if got := v.Facts().Pool.Port; got != "" {
			t.Errorf("the port of a unix socket is %q", got)
		}
		sight.stats.Name = "another"
		if got := v.Facts(); got.Pool.Name != "sim" || len(got.Servers) != 2 || got.Pool.Local != 0 {
			t.Errorf("facts of a pool that was taken away: %+v", got)
		}
	})
}
