package memcached

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cashew/codec"
	"cashew/codec/about"
	"cashew/codec/codectest"
)

// proxyStats is what stats tells of codectest.About.
const proxyStats = "STAT pid 12\r\nSTAT uptime 176401\r\nSTAT time 1700000100\r\nSTAT version 1.2\r\nSTAT pointer_size 32\r\n" +
	"STAT curr_connections 101\r\nSTAT total_connections 105\r\nSTAT rejected_connections 106\r\nSTAT auth_errors 123\r\nSTAT threads 3\r\n" +
	"STAT pool cache\r\nSTAT servers 2\r\nSTAT servers_live 1\r\nSTAT server_ejects 121\r\nSTAT server_out_of_step 122\r\n" +
	"STAT forward_error 117\r\nSTAT keys_left_out 119\r\nSTAT failure_misses 118\r\nSTAT slow_clients 109\r\n" +
	"STAT over_memory_clients 110\r\nSTAT malformed_clients 111\r\nSTAT wrong_protocol_clients 112\r\n" +
	statsOfCPU + "STAT bytes_read 113\r\nSTAT bytes_written 114\r\nSTAT local_commands 115\r\nSTAT fragments 116\r\n" +
	"STAT in_flight 104\r\nSTAT server_a_state live\r\nSTAT server_a_requests 202\r\nSTAT server_b_state ejected\r\n" +
	"STAT server_b_requests 302\r\nEND\r\n"

const statsOfCPU = "STAT rusage_system 1.500000\r\nSTAT rusage_user 2.000001\r\n"

// withoutCPU is a proxy on a system that does not tell what processors did for a process.
type withoutCPU struct{ codectest.About }

func (a *withoutCPU) Facts() *about.Facts {
	f := a.About.Facts()
	f.Process.HasCPU = false
	return f
}

func TestAppendReport(t *testing.T) {
	for _, tt := range []struct {
		name  string
		proxy about.Proxy
		want  string
	}{
		{"all", &codectest.About{}, proxyStats},
		{"no processor times", &withoutCPU{}, strings.Replace(proxyStats, statsOfCPU, "", 1)},
	} {
		got, last := New(Options{Admin: true}).AppendReport(nil, codec.Client{}, opStats, []byte("stats\r\n"), tt.proxy)
		if diff := cmp.Diff(tt.want, string(got)); diff != "" || last {
			t.Errorf("%s: stats (-want +got), the client is closed: %v\n%s", tt.name, last, diff)
		}
	}
}
