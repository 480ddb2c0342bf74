package resp

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cashew/codec"
	"cashew/codec/about"
	"cashew/codec/codectest"
)

// The sections of INFO that tell of codectest.About.
const (
	infoServer = "# Server\r\nredis_version:7.2.1\r\nredis_mode:standalone\r\ncashew_version:1.2\r\nos:plan9 mips\r\narch_bits:32\r\n" +
		"go_version:go1.99\r\nprocess_id:12\r\ntcp_port:22121\r\nserver_time_usec:1700000100250000\r\nuptime_in_seconds:176401\r\n" +
		"uptime_in_days:2\r\nexecutable:/bin/cashew\r\n"
	infoOfClients = "# Clients\r\nconnected_clients:101\r\nmaxclients:102\r\nblocked_clients:103\r\n"
	infoOfMemory  = "# Memory\r\nused_memory:1048576\r\nused_memory_rss:2097152\r\nmaxmemory:1073741824\r\nmaxmemory_policy:noeviction\r\n"
	infoLoading   = "# Persistence\r\nloading:0\r\n"
	infoTraffic   = "# Stats\r\ntotal_connections_received:105\r\ntotal_commands_processed:619\r\ntotal_net_input_bytes:113\r\n" +
		"total_net_output_bytes:114\r\nrejected_connections:106\r\nacl_access_denied_auth:123\r\n"
	infoMaster  = "# Replication\r\nrole:master\r\nconnected_slaves:0\r\n"
	infoCluster = "# Cluster\r\ncluster_enabled:0\r\n"
	infoOfCPU   = "# CPU\r\nused_cpu_sys:1.500000\r\nused_cpu_user:2.000001\r\n"
	infoOfProxy = "# Proxy\r\ncashew_version:1.2\r\nuptime_in_seconds:176401\r\nused_memory:1048576\r\nmaxmemory:1073741824\r\nconnected_clients:101\r\nblocked_clients:103\r\npool:cache\r\npools:4\r\nloops:3\r\ndraining:1\r\npanics:5\r\nreloads_succeeded:6\r\nreloads_failed:7\r\n" +
		"last_reload_time:1700000040\r\nlast_reload_failed:1\r\nin_flight:104\r\nlocal_commands:115\r\nfragments:116\r\n" +
		"forward_error:117\r\nfailure_misses:118\r\nkeys_left_out:119\r\ncross_server_scripts:120\r\nserver_ejects:121\r\n" +
		"server_out_of_step:122\r\nclient_eof:107\r\nclient_err:108\r\nslow_clients:109\r\nover_memory_clients:110\r\n" +
		"malformed_clients:111\r\n"
	infoOfServers = "# Servers\r\nservers:2\r\nservers_live:1\r\n" +
		"server0:name=a,addr=10.0.1.1:6379,state=live,share=0.7500,connections=201,requests=202,responses=203,in_queue=204,out_queue=205,timedout=206,err=207,eof=208\r\n" +
		"server1:name=b,addr=10.0.1.2:6379,state=ejected,share=0.0000,connections=0,requests=302,responses=0,in_queue=0,out_queue=0,timedout=0,err=0,eof=0\r\n"
)

var infoWhole = strings.Join([]string{
	infoServer, infoOfClients, infoOfMemory, infoLoading, infoTraffic, infoMaster, infoCluster, infoOfCPU, infoOfProxy, infoOfServers,
}, "\r\n")

// fewFacts is a proxy on a unix socket that was never reloaded, on a system that tells nothing of its processes.
type fewFacts struct{ codectest.About }

func (a *fewFacts) Facts() *about.Facts {
	f := a.About.Facts()
	f.Process.Executable, f.Process.ResidentBytes, f.Process.HasCPU, f.Process.Draining = "", -1, false, false
	f.Process.ReloadAt = time.Time{}
	f.Pool.Port, f.Servers = "", nil
	return f
}

// TestInfoOfFewFacts: what is not known is left out, and no section is.
func TestInfoOfFewFacts(t *testing.T) {
	want := bulk(strings.NewReplacer(
		"tcp_port:22121", "tcp_port:0",
		"executable:/bin/cashew\r\n", "",
		"used_memory_rss:2097152\r\n", "",
		"used_cpu_sys:1.500000\r\nused_cpu_user:2.000001\r\n", "",
		"last_reload_time:1700000040\r\nlast_reload_failed:1\r\n", "",
		"draining:1", "draining:0",
		"total_commands_processed:619", "total_commands_processed:115",
		infoOfServers, "# Servers\r\nservers:0\r\nservers_live:1\r\n",
	).Replace(infoWhole))
	got, last := New(Options{Version: "7.2.1"}).AppendReport(nil, codec.Client{}, opInfo, frameOf("INFO"), &fewFacts{})
	if diff := cmp.Diff(want, string(got)); diff != "" || last {
		t.Errorf("INFO (-want +got), the client is closed: %v\n%s", last, diff)
	}
}

// TestInfoForRESP3: a client of RESP3 gets the same text as a verbatim string, with its format before it.
func TestInfoForRESP3(t *testing.T) {
	got, _ := New(Options{}).AppendReport(nil, codec.Client{Profile: RESP3}, opInfo, frameOf("INFO", "cluster"), &codectest.About{})
	if want := "=34\r\ntxt:" + infoCluster + "\r\n"; string(got) != want {
		t.Errorf("INFO cluster: %q; want %q", got, want)
	}
}
