package configs

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cashew/codec/resp"
	"cashew/topology"
)

const plainReplicas = `p:
  listen: 127.0.0.1:1
  redis: true
  zone: a
  read_policy: nearest_zone
  servers:
    - 10.0.0.2:6379:1 zz:
        replicas:
          - 10.0.0.12:6379 zone=b
          - 10.0.0.11:6379
    - 10.0.0.1:6379:2 a:
        zone: c
        replicas:
          - /tmp/s
`

// TestReplicas: replicas stand with their servers, whose order in the ring is another.
func TestReplicas(t *testing.T) {
	f, err := Parse("f", []byte(plainReplicas))
	if err != nil {
		t.Fatal(err)
	}
	p := &f.Options.Pools[0]
	var got []string
	for _, r := range p.Replicas {
		got = append(got, r.Addr+" of "+r.Of+" in "+r.Zone)
	}
	if want := []string{"/tmp/s of a in ", "10.0.0.11:6379 of zz in ", "10.0.0.12:6379 of zz in b"}; !slices.Equal(got, want) {
		t.Errorf("replicas are %q; want %q", got, want)
	}
	if p.Servers[0].Name != "a" || p.Servers[0].Zone != "c" || p.Servers[0].Weight != 2 || p.Servers[1].Zone != "" {
		t.Errorf("servers are %+v", p.Servers)
	}
	want := []any{
		map[string]any{"10.0.0.1:6379:2 a": map[string]any{"replicas": []string{"/tmp/s"}, "zone": "c"}},
		map[string]any{"10.0.0.2:6379:1 zz": map[string]any{"replicas": []string{"10.0.0.11:6379", "10.0.0.12:6379 zone=b"}}},
	}
	if diff := cmp.Diff(want, Effective(&f.Options)["p"].(Section)["servers"]); diff != "" {
		t.Errorf("shown (-want +got):\n%s", diff)
	}
}

// TestReadPolicy: of what policies say of a command the most specific has its way, in whatever order they stand.
func TestReadPolicy(t *testing.T) {
	f, err := Parse("f", []byte(strings.Replace(plainReplicas, "read_policy: nearest_zone", `read_policy:
    get: any
    "@HASH": replica
    hget: any
    "@string": master
    default: prefer_replica`, 1)))
	if err != nil {
		t.Fatal(err)
	}
	o := &f.Options.Pools[0].Options
	of := func(name string) topology.ReadPolicy {
		op := slices.Index(resp.OpsOf(name), true)
		return o.ReadsFrom(uint16(op))
	}
	for name, want := range map[string]topology.ReadPolicy{
		"get": topology.FromAny, "mget": topology.FromMaster, "hget": topology.FromAny, "hgetall": topology.FromReplica, "hscan": topology.FromMaster,
		"llen": topology.PreferReplica, "eval_ro": topology.PreferReplica, "set": topology.FromMaster, "eval": topology.FromMaster,
	} {
		if got := of(name); got != want {
			t.Errorf("%s goes by %v; want %v", name, got, want)
		}
	}
}

// TestReplicaMistakes: each is told with its line.
func TestReplicaMistakes(t *testing.T) {
	redis := func(lines string) string { return "p:\n  listen: 127.0.0.1:1\n  redis: true\n" + lines }
	const servers = "  servers:\n    - 10.0.0.1:1:1\n"
	const with = "  servers:\n    - 10.0.0.1:1:1:\n        replicas:\n          - 10.0.0.2:1\n"
	for _, tt := range []struct {
		name, file string
		want       []string
	}{
		{"a policy that is none", redis("  read_policy: prefer_replicas\n" + with), []string{`f:4: pool p: read_policy: "prefer_replicas" is not a valid policy`, `did you mean "prefer_replica"?`}},
		{"no replicas", redis("  read_policy: any\n" + servers), []string{"f:4: pool p: read_policy: has reads go to replicas, and no server has any"}},
		{"a server without", redis("  read_policy: replica\n" + with + "    - 10.0.0.3:1:1 c\n"), []string{"f:4: pool p: read_policy: has reads go to replicas alone, and server 'c' has none"}},
		{"no zone", redis("  read_policy: nearest_zone\n" + with), []string{"f:4: pool p: read_policy: is nearest_zone, and where the proxy is nobody says"}},
		{"a zone that is none", redis("  zone: a b\n" + servers), []string{`f:4: pool p: zone: "a b" is not a valid zone`}},
		{
			"a class that is none", redis("  read_policy:\n    \"@hsh\": any\n    set: any\n    get: nay\n    get: any\n" + with),
			[]string{
				`f:5: pool p: read_policy: is about "@hsh", which is neither a command that replicas may be asked nor a category with one; did you mean "@hash"?`,
				`f:6: pool p: read_policy: is about "set", which`, `f:7: pool p: read_policy: "nay" is not a valid policy`, `f:8: pool p: read_policy: has "get" twice`,
			},
		},
		{"the same zones", redis("  zones:\n    10.1.2.3/8: a\n    10.0.0.0/8: b\n    127.0.0.1:99999: a\n    10.2.0.7:1: c\n" + servers), []string{
			`f:6: pool p: zones: has "10.0.0.0/8" twice`, `f:7: pool p: zones: is of "127.0.0.1:99999", which is neither an address nor "host:port"`,
		}},
		{"the same classes", redis("  read_policy:\n    get: any\n    GET: master\n    \"@HASH\": any\n    \"@hash\": any\n" + with), []string{`f:6: pool p: read_policy: has "get" twice`, `f:8: pool p: read_policy: has "@hash" twice`}},
		{"zones", redis("  zones:\n    10.0.0.0/33: a\n    10.0.0.0/8: b c\n" + servers), []string{`f:5: pool p: zones: is of "10.0.0.0/33", which is no network`, `f:6: pool p: zones: "b c" is not a valid zone`}},
		{"zones in a word", redis("  zones: a\n" + servers), []string{`f:4: pool p: zones: "a" has no zones`}},
		{
			"replicas", redis("  servers:\n    - 10.0.0.1:1:1:\n        replicas:\n          - 10.0.0.2\n          - 10.0.0.3:1 zone=\n          - 10.0.0.4:1 b\n          - 10.0.0.1:1\n          - 10.0.0.5:1\n          - 10.0.0.5:1\n        weight: 2\n"),
			[]string{
				`f:7: pool p: servers.replicas: "10.0.0.2" is no "host:port" of a replica`, `f:8: pool p: servers.replicas: "10.0.0.3:1 zone=" has an empty zone`,
				`f:9: pool p: servers.replicas: "10.0.0.4:1 b" has "b", which is not zone=`, `f:10: pool p: servers.replicas: "10.0.0.1:1" stands on line 5 already`,
				`f:12: pool p: servers.replicas: "10.0.0.5:1" stands on line 11 already`, `f:13: pool p: directive "weight" is unknown`,
			},
		},
		{"a cluster tells them", redis("  cluster: true\n" + with), []string{"f:8: pool p: servers.replicas: is not told by the file: a cluster, or its sentinels, say which replicas there are"}},
		{"discovery tells others", redis("  discovery: file /x\n" + with), []string{"f:8: pool p: servers.replicas: stand beside discovery, which tells of other servers and of no replicas"}},
		{
			"memcached", "p:\n  listen: 127.0.0.1:1\n  read_policy: any\n  zone: a\n" + with,
			[]string{`f:3: pool p: directive "read_policy:" is only valid for a redis pool`, `f:4: pool p: directive "zone:" is only valid`, "f:8: pool p: servers.replicas: is below a server of a memcached pool"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Parse("f", []byte(tt.file))
			if err == nil {
				t.Fatal("nobody minds")
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("no %q in\n%v", want, err)
				}
			}
			if n := len(strings.Split(err.Error(), "\n")); n != len(tt.want) && tt.name != "a policy that is none" {
				t.Errorf("%d mistakes; want %d:\n%v", n, len(tt.want), err)
			}
		})
	}
	f, err := Parse("f", []byte(redis(with)))
	if err != nil || len(f.Warnings) != 1 || !strings.Contains(f.Warnings[0], "get no reads: read_policy is master") {
		t.Errorf("%v, %q", err, f.Warnings)
	}
}
