package configs

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cashew/session"
)

// TestNearCache: what a pool keeps, and how it is shown.
func TestNearCache(t *testing.T) {
	const servers = "  servers:\n    - 127.0.0.1:6379:1\n"
	for _, c := range []struct {
		settings string
		want     session.NearOptions
		shown    string
	}{
		{"", session.NearOptions{Life: time.Minute, Untold: time.Second, Check: 10}, "auto"},
		{"  near_cache: 0\n", session.NearOptions{Life: time.Minute, Untold: time.Second, Check: 10}, "auto"},
		{"  near_cache: 64mb\n", session.NearOptions{Bytes: 64 << 20, Life: time.Minute, Untold: time.Second, Check: 10}, "auto"},
		{"  near_cache: 1mb\n  near_cache_keys: auto\n", session.NearOptions{Bytes: 1 << 20, Life: time.Minute, Untold: time.Second, Check: 10}, "auto"},
		{
			"  near_cache: 1mb\n  near_cache_keys: user:* page:front ü*\n  near_cache_msecs: 100\n  near_cache_untracked_msecs: 0\n  near_cache_stale_msecs: 500\n  near_cache_check: 1.5%\n",
			session.NearOptions{Bytes: 1 << 20, Patterns: []string{"user:*", "page:front", "ü*"}, Life: 100 * time.Millisecond, Stale: 500 * time.Millisecond, Check: 150},
			"user:* page:front ü*",
		},
	} {
		f, err := Parse("f", []byte("p:\n  listen: 127.0.0.1:1\n  redis: true\n"+c.settings+servers))
		if err != nil || len(f.Warnings) > 0 {
			t.Errorf("%q: %v, %q", c.settings, err, f.Warnings)
			continue
		}
		if diff := cmp.Diff(c.want, f.Options.Pools[0].Near); diff != "" {
			t.Errorf("%q (-want +got):\n%s", c.settings, diff)
		}
		if shown := Effective(&f.Options)["p"].(Section)["near_cache_keys"]; shown != c.shown {
			t.Errorf("%q: keys are shown as %v; want %v", c.settings, shown, c.shown)
		}
	}
}

// TestNearCacheMistakes: all of them are told at once, each with its line.
func TestNearCacheMistakes(t *testing.T) {
	pool := func(name, settings string) string {
		return name + ":\n  listen: /" + name + "\n  redis: true\n" + settings + "  servers:\n    - 127.0.0.1:6379:1\n"
	}
	wants := map[string]string{} // by pool
	var file strings.Builder
	file.WriteString("plain:\n  redis: true\n  servers:\n    - 127.0.0.1:6380:1\n")
	for _, c := range []struct{ name, settings, want string }{
		{"small", "  near_cache: 1000\n", "is too small"},
		{"words", "  near_cache: many\n", "near_cache"},
		{"beside", "  near_cache: 1mb\n  near_cache_keys: auto user:*\n", `has "auto" beside others`},
		{"twice", "  near_cache: 1mb\n  near_cache_keys: auto auto\n", `has "auto" beside others`},
		{"behind", "  near_cache: 1mb\n  near_cache_keys: user:* auto\n", `has "auto" beside others`},
		{"all", "  near_cache: 1mb\n  near_cache_keys: \"*\"\n", "is of all keys"},
		{"glob", "  near_cache: 1mb\n  near_cache_keys: a*b\n", "is no key"},
		{"sets", "  near_cache: 1mb\n  near_cache_keys: \"a[12]\"\n", "is no key"},
		{"overlap", "  near_cache: 1mb\n  near_cache_keys: user:* user:1:*\n", `does not go with "user:*"`},
		{"inside", "  near_cache: 1mb\n  near_cache_keys: user:1:* user:*\n", `does not go with "user:1:*"`},
		{"long", "  near_cache: 1mb\n  near_cache_keys: " + manyKeys(65) + "\n", "has more than 64 keys"},
		{"life", "  near_cache: 1mb\n  near_cache_msecs: x\n", "near_cache_msecs"},
		{"untold", "  near_cache: 1mb\n  near_cache_untracked_msecs: -1\n", "near_cache_untracked_msecs"},
		{"random", "  near_cache: 1mb\n  distribution: random\n", "distribution: random"},
		{"routing", "  near_cache: 1mb\n  routes:\n    - plain k:*\n", "does not go with routes"},
		{"missing", "  near_cache: 1mb\n  miss: plain ttl=1\n", "does not go with routes"},
		{"spared", "  near_cache: 1mb\n  failover: plain\n", "does not go with routes"},
		{"mirrored", "  near_cache: 1mb\n  mirror: plain\n", "does not go with routes"},
		{"target", "  near_cache: 1mb\n", ""},
		{"leads", "  routes:\n    - target k:*\n", "pool 'target' has a near_cache"},
		{"asks", "  miss: target ttl=1\n", "pool 'target' has a near_cache"},
		{"spares", "  failover: target\n", "pool 'target' has a near_cache"},
		{"mirrors", "  mirror: target\n", ""}, // what its servers are sent so, they tell
	} {
		file.WriteString(pool(c.name, c.settings))
		wants[c.name] = c.want
	}
	file.WriteString("clustered:\n  listen: /clustered\n  redis: true\n  near_cache: 1mb\n  cluster: true\n  cluster_refresh_interval: 0\n  servers:\n    - 127.0.0.1:1\n")
	wants["clustered"] = "does not go with cluster_refresh_interval: 0"
	file.WriteString("watched:\n  listen: /watched\n  redis: true\n  near_cache: 1mb\n  sentinels:\n    - 127.0.0.1:26379\n  servers:\n    - m:1 m\n")
	wants["watched"] = ""
	file.WriteString("reads:\n  listen: /reads\n  redis: true\n  near_cache: 1mb\n  read_policy: replica\n  servers:\n    - 127.0.0.1:6379:1 a:\n        replicas:\n          - 127.0.0.1:6380\n")
	wants["reads"] = ""

	_, err := Parse("f", []byte(file.String()))
	if err == nil {
		t.Fatal("no mistake")
	}
	lines := strings.Split(err.Error(), "\n")
	for name, want := range wants { // in no order: each is looked for
		said := slices.ContainsFunc(lines, func(line string) bool {
			return strings.Contains(line, "pool "+name+": ") && strings.Contains(line, want)
		})
		if want == "" && said || want != "" && !said {
			t.Errorf("%s: want %q to be said", name, want)
		}
	}
	if t.Failed() {
		t.Logf("%s", err)
	}
}

// TestNearCacheCluster: a cluster of which replies are kept is asked each second who has which slot, unless that is configured.
func TestNearCacheCluster(t *testing.T) {
	for settings, want := range map[string]time.Duration{ // in no order: each is a file of its own
		"": 10 * time.Second, "  near_cache: 0\n": 10 * time.Second, "  near_cache: 1mb\n": time.Second,
		"  near_cache: 1mb\n  cluster_refresh_interval: 5000\n": 5 * time.Second, "  near_cache: 1mb\n  cluster_refresh_interval: 10000\n": 10 * time.Second,
	} {
		f, err := Parse("f", []byte("p:\n  listen: /p\n  redis: true\n  cluster: true\n"+settings+"  servers:\n    - 127.0.0.1:7000\n"))
		if err != nil || len(f.Warnings) > 0 {
			t.Errorf("%q: %v, %q", settings, err, f.Warnings)
			continue
		}
		if got := f.Options.Pools[0].ClusterRefresh; got != want {
			t.Errorf("%q: %v; want %v", settings, got, want)
		}
	}
}

// TestNearCacheMemory: what pools keep is half of max_memory at most.
func TestNearCacheMemory(t *testing.T) {
	const pools = "a:\n  redis: true\n  listen: /a\n  near_cache: 20mb\n  servers:\n    - 127.0.0.1:1:1\n" +
		"b:\n  redis: true\n  listen: /b\n  near_cache: 30mb\n  servers:\n    - 127.0.0.1:1:1\n"
	for _, global := range []string{"", "global:\n  max_memory: 100mb\n"} {
		if _, err := Parse("f", []byte(pools+global)); err != nil {
			t.Errorf("%q: %v", global, err)
		}
	}
	_, err := Parse("f", []byte(pools+"global:\n  max_memory: 99mb\n"))
	if err == nil || !strings.Contains(err.Error(), `f:10: pool b: near_cache: "30mb" makes 52428800 bytes, with those of the pools before it: more than half of max_memory`) {
		t.Errorf("%v", err)
	}
}

// manyKeys are so many keys.
func manyKeys(n int) string {
	var list []string
	for i := range n {
		list = append(list, "k"+strings.Repeat("x", i+1)+"y")
	}
	return strings.Join(list, " ")
}

// TestNearCacheIgnored: settings of what is not there are warned of.
func TestNearCacheIgnored(t *testing.T) {
	f, err := Parse("f", []byte("p:\n  listen: /p\n  redis: true\n  near_cache_keys: a*\n  near_cache_msecs: 1\n  near_cache_untracked_msecs: 1\n  servers:\n    - 127.0.0.1:6379:1\n"))
	if err != nil || len(f.Warnings) != 3 {
		t.Errorf("%v, %q; want three warnings", err, f.Warnings)
	}
}
