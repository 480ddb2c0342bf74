package configs

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cashew/ring"
	"cashew/session"
)

// TestRoutes: lines become routes, in their order, and are shown as lines that mean the same; a pool that is routed to need not listen.
func TestRoutes(t *testing.T) {
	text := "front:\n  listen: 127.0.0.1:1\n  redis: true\n  routes:\n    - users user:* session:*\n    - front user:own:*\n    - users *\n  servers:\n    - 127.0.0.1:2:1\n" +
		"users:\n  redis: true\n  servers:\n    - 127.0.0.1:3:1\n"
	f, err := Parse("f.yml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	want := []ring.Route{{Prefix: "user:", Pool: "users"}, {Prefix: "session:", Pool: "users"}, {Prefix: "user:own:", Pool: "front"}, {Prefix: "", Pool: "users"}}
	if diff := cmp.Diff(want, f.Options.Pools[0].Routes); diff != "" {
		t.Errorf("routes (-want +got):\n%s", diff)
	}
	lines := []string{"users user:* session:*", "front user:own:*", "users *"}
	for line, shown := range map[string]string{
		"users": "users share=100% send=all budget=67108864",
		"users share=0.25% send=writes budget=1mb":      "users share=0.25% send=writes budget=1048576",
		"users compare=true ramp=5% max_differences=1%": "users share=100% send=all budget=67108864 compare=true ramp=5% max_differences=1%",
	} {
		f, err := Parse("f.yml", []byte(strings.Replace(text, "  routes:", "  mirror: "+line+"\n  routes:", 1)))
		if err != nil {
			t.Fatal(err)
		}
		if got := Effective(&f.Options)["front"].(Section)["mirror"]; got != shown {
			t.Errorf("mirror %q is shown as %q; want %q", line, got, shown)
		}
	}
	if diff := cmp.Diff(any(lines), Effective(&f.Options)["front"].(Section)["routes"]); diff != "" {
		t.Errorf("shown (-want +got):\n%s", diff)
	}
}

// TestBadRoutes: each mistake is told, all in one pass.
func TestBadRoutes(t *testing.T) {
	pool := func(name string, lines ...string) string {
		return name + ":\n  listen: /" + name + "\n  " + strings.Join(lines, "\n  ") + "\n  servers:\n    - 127.0.0.1:2:1\n"
	}
	text := pool("front", "redis: true", "databases: 4", "routes:", "  - users", "  - users user", "  - users a*b*", "  - users u:* u:*", "  - userz x:*", "  - mc m:*", "  - random r:*",
		"  - few f:*", "  - cluster c:* d:*", "  - sentinel s:*", "  - front own:*", "  - reads r2:*") +
		pool("users", "redis: true", "databases: 4") + pool("mc", "redis: false") + pool("random", "redis: true", "distribution: random") + pool("few", "redis: true", "databases: 3") +
		"cluster:\n  listen: /cluster\n  redis: true\n  cluster: true\n  routes:\n    - users x*\n  servers:\n    - 127.0.0.1:2\n" +
		"sentinel:\n  listen: /sentinel\n  redis: true\n  sentinels: 127.0.0.1:9\n  servers:\n    - mymaster:1\n" +
		"reads:\n  listen: /reads\n  redis: true\n  databases: 4\n  read_policy: any\n  servers:\n    - 127.0.0.1:2:1:\n        replicas:\n          - 127.0.0.1:3\n" +
		"silent:\n  redis: true\n  routes:\n    - silent x*\n  servers:\n    - 127.0.0.1:2:1\n"
	_, err := Parse("f.yml", []byte(text))
	if err == nil {
		t.Fatal("no mistakes")
	}
	for _, want := range []string{
		`f.yml:6: pool front: routes: "users" has no prefix`,
		`f.yml:7: pool front: routes: "users user" has "user", which does not end with *`,
		`f.yml:8: pool front: routes: "users a*b*" has "a*b*", which is a pattern: only a prefix can be routed`,
		`f.yml:9: pool front: routes: "users u:* u:*" has "u:*", which is routed already`,
		`f.yml:10: pool front: routes: "userz x:*" leads to a pool that the file does not have; did you mean "users"`,
		`f.yml:11: pool front: routes: "mc m:*" leads to pool 'mc', which speaks another protocol`,
		`f.yml:12: pool front: routes: "random r:*" can't be: pool 'random' has distribution random, which has no place for a key`,
		`f.yml:17: pool front: routes: "reads r2:*" can't be: pool 'reads' has replicas take reads, by its read_policy`,
		`f.yml:13: pool front: routes: "few f:*" leads to pool 'few', which does not have the 4 databases that clients may choose`,
		`f.yml:14: pool front: routes: "cluster c:* d:*" leads to pool 'cluster', which does not have the 4 databases`,
		`f.yml:15: pool front: routes: "sentinel s:*" leads to pool 'sentinel', which does not have the 4 databases`,
		`pool silent: directive "listen:" is missing`,
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("no %s in\n%s", want, err)
		}
	}
	if n := strings.Count(err.Error(), "\n") + 1; n != 12 {
		t.Errorf("%d mistakes; want 12:\n%s", n, err)
	}
}

// TestBadRoute: what is wrong with a line is told, and what to do about it.
func TestBadRoute(t *testing.T) {
	for line, want := range map[string]string{
		`" "`:            "has no prefix",
		`u:*`:            "names no pool: that comes first",
		`u:* users`:      `has "users" behind prefixes: the pool comes first`,
		`u:* v:* users`:  `has "users" behind prefixes: the pool comes first`,
		`users "u:*"`:    `has "\"u:*\"": quotes go around the whole line, or nowhere`,
		`users, u:*`:     `leads to a pool that the file does not have; did you mean "users"`,
		`users u:* v`:    `has "v", which does not end with *`,
		`users u[12]:*`:  `has "u[12]:*", which is a pattern: only a prefix can be routed`,
		`users u:* u:*`:  `has "u:*", which is routed already`,
		`users u:* b=1`:  `has "b=1", which does not end with *`,
		`{users: "u:*"}`: "flow mapping start token",
	} {
		_, err := Parse("f.yml", []byte("front:\n  listen: /front\n  routes:\n    - "+line+"\n  servers:\n    - 127.0.0.1:2:1\nusers:\n  listen: /users\n  servers:\n    - 127.0.0.1:2:1\n"))
		if err == nil || !strings.Contains(err.Error(), "f.yml:4: pool front: routes: ") || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("routes: %s: %v; want %s", line, err, want)
		}
	}
}

// TestBadMirror: what is wrong with a mirror is told.
func TestBadMirror(t *testing.T) {
	for line, want := range map[string]string{
		"share=10%":                           `"share=10%" names no pool: that comes first, and "share=10%" is a setting`,
		"users 10%":                           `has "10%", which is none of share=`,
		"users share=10":                      `has "share=10", which is no percentage`,
		"users share=101%":                    `has "share=101%", which is no percentage`,
		"users share=0.001%":                  `has "share=0.001%", which is no percentage`,
		"users send=some":                     `has "send=some", which is none of reads, writes and all`,
		"users budget=1kb":                    `has "budget=1kb", which is no number of bytes, 64kb or more`,
		"users compare=yes":                   `has "compare=yes", which is neither true nor false`,
		"users share=1% share=2%":             `has "share=2%", which is the second share=`,
		"users size=1":                        `has "size=1", which is none of share=`,
		"users send=writes compare=true":      "sends no reads, which alone are compared",
		"users ramp=5%":                       "for which compare=true and send=all are wanted",
		"users share=1% compare=true ramp=5%": "has a ramp= that is more than its share=",
		"userz":                               `is of a pool that the file does not have; did you mean "users"`,
		"held compare=true ramp=1%":           "has ramp=, which a pool with sentinels, as 'held' is, can't have yet",
		"front":                               "is the pool itself",
		"mc":                                  "is pool 'mc', which speaks another protocol",
		"few":                                 "is pool 'few', which does not have the 4 databases",
	} {
		pool := func(name, more string) string {
			return name + ":\n  listen: /" + name + "\n" + more + "  servers:\n    - 127.0.0.1:2:1\n"
		}
		text := pool("front", "  redis: true\n  databases: 4\n  mirror: "+line+"\n") + pool("users", "  redis: true\n  databases: 4\n") + pool("mc", "") + pool("few", "  redis: true\n  databases: 3\n") +
			"held:\n  listen: /held\n  redis: true\n  sentinels: 127.0.0.1:9\n  servers:\n    - mymaster:1\n"
		_, err := Parse("f.yml", []byte(text))
		if err == nil || !strings.Contains(err.Error(), "f.yml:5: pool front: mirror: ") || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("mirror: %s: %v; want %s", line, err, want)
		}
	}
}

// TestMirrorOfReplicas: what replicas answer can't be compared, nor a mirror answer beside them; what is written can be mirrored.
func TestMirrorOfReplicas(t *testing.T) {
	for line, wrong := range map[string]bool{"new": true, "new send=reads": true, "new compare=true ramp=1%": true, "new send=writes": false} {
		_, err := Parse("f.yml", []byte("front:\n  listen: /front\n  redis: true\n  read_policy: replica\n  mirror: "+line+"\n  servers:\n    - 127.0.0.1:1:1:\n        replicas:\n          - 127.0.0.1:2\n"+
			"new:\n  redis: true\n  servers:\n    - 127.0.0.1:3:1\n"))
		if (err != nil) != wrong || wrong && !strings.Contains(err.Error(), "f.yml:5: pool front: mirror: ") {
			t.Errorf("mirror: %s: %v", line, err)
		}
	}
}

// TestBadFailover: what is wrong with a spare is told.
func TestBadFailover(t *testing.T) {
	for line, want := range map[string]string{
		"send=all":                  `names no pool: that comes first, and "send=all" is a setting`,
		"users,send=all":            `names no pool: that comes first, and "users,send=all" is a setting`,
		`" "`:                       "names no pool",
		"users send=writes":         `has "send=writes", which can't be: what is written goes to the spare with its reads or not at all, by send=all or send=reads`,
		"users send=":               `has "send=", which is neither send=reads nor send=all`,
		"users send=ALL":            `has "send=ALL", which is neither send=reads nor send=all`,
		"users send=all x":          `has "x", which is not send=reads or send=all`,
		"users all":                 `has "all", which is not send=reads or send=all`,
		"users send=all send=reads": `has "send=reads", which is the second send=`,
		"userz":                     `is of a pool that the file does not have; did you mean "users"`,
		"front":                     "is the pool itself",
		"mc":                        "leads to pool 'mc', which speaks another protocol",
		"reads":                     "pool 'reads' has replicas take reads, by its read_policy",
	} {
		text := "front:\n  listen: /front\n  redis: true\n  failover: " + line + "\n  servers:\n    - 127.0.0.1:2:1\nusers:\n  listen: /users\n  redis: true\n  servers:\n    - 127.0.0.1:2:1\n" +
			"mc:\n  listen: /mc\n  servers:\n    - 127.0.0.1:2:1\nreads:\n  listen: /reads\n  redis: true\n  read_policy: any\n  servers:\n    - 127.0.0.1:2:1:\n        replicas:\n          - 127.0.0.1:3\n"
		_, err := Parse("f.yml", []byte(text))
		if err == nil || !strings.Contains(err.Error(), "f.yml:4: pool front: failover: ") || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("failover: %s: %v; want %s", line, err, want)
		}
	}
	const ring = "ring:\n  listen: /ring\n  redis: true\n  cluster: true\n  servers:\n    - 127.0.0.1:2\n"
	const front = "front:\n  listen: /front\n  redis: true\n  failover: ring\n  servers:\n    - 127.0.0.1:2:1\n"
	if _, err := Parse("f.yml", []byte(front+ring)); err != nil {
		t.Errorf("failover to a cluster: %v", err)
	}
	_, err := Parse("f.yml", []byte(strings.Replace(front, "  failover: ring\n", "", 1)+strings.Replace(ring, "  servers", "  failover: front\n  servers", 1)))
	const held = "held:\n  listen: /held\n  redis: true\n  failover: front\n  sentinels: 127.0.0.1:9\n  servers:\n    - mymaster:1\n"
	if _, err := Parse("f.yml", []byte(front+ring+held)); err == nil || !strings.Contains(err.Error(), "the pool itself has sentinels, and its servers change places") {
		t.Errorf("failover of a pool with sentinels: %v", err)
	}
	if err == nil || !strings.Contains(err.Error(), "f.yml:10: pool ring: failover: ") || !strings.Contains(err.Error(), "the pool itself is a Redis Cluster, and its servers change places") {
		t.Errorf("failover of a cluster: %v", err)
	}
	text := "m:\n  listen: /m\n  failover: n\n  servers:\n    - 127.0.0.1:2:1\nn:\n  servers:\n    - 127.0.0.1:2:1\n"
	if _, err := Parse("f.yml", []byte(text)); err == nil || !strings.Contains(err.Error(), "is for redis pools") {
		t.Errorf("failover of memcached: %v; want to be told that it is for redis pools", err)
	}
	text = strings.Replace(text, "failover: n", "mirror: n compare=true ramp=1%", 1)
	if _, err := Parse("f.yml", []byte(text)); err == nil || !strings.Contains(err.Error(), "has ramp=, which is for redis pools") {
		t.Errorf("ramp of memcached: %v; want to be told that it is for redis pools", err)
	}
}

// TestBadMiss: what is wrong with a next tier is told.
func TestBadMiss(t *testing.T) {
	for line, want := range map[string]string{
		"ttl=1":                 `names no pool: that comes first, and "ttl=1" is a setting`,
		"users":                 "has no ttl=",
		"users ttl=0":           "which is no number of seconds from 1 to 2592000",
		"users ttl=2592001":     "which is no number of seconds from 1 to 2592000",
		"users ttl=1s":          "which is no number of seconds from 1 to 2592000",
		"users ttl=1 ttl=2":     "is the second ttl=",
		"users ttl=1 max=1":     "which is no number of bytes from 1kb to 1mb",
		"users ttl=1 max=2mb":   "which is no number of bytes from 1kb to 1mb",
		"users ttl=1 fill=true": "which is neither ttl= nor max=",
		"userz ttl=1":           `is of a pool that the file does not have; did you mean "users"`,
		"front ttl=1":           "is the pool itself",
		"mc ttl=1":              "leads to pool 'mc', which speaks another protocol",
		"reads ttl=1":           "pool 'reads' has replicas take reads, by its read_policy",
		"users ttl=1\n  mirror: users compare=true": "does not go with compare=true in mirror",
	} {
		text := "front:\n  listen: /front\n  redis: true\n  miss: " + line + "\n  servers:\n    - 127.0.0.1:2:1\nusers:\n  listen: /users\n  redis: true\n  servers:\n    - 127.0.0.1:2:1\n" +
			"mc:\n  listen: /mc\n  servers:\n    - 127.0.0.1:2:1\nreads:\n  listen: /reads\n  redis: true\n  read_policy: any\n  servers:\n    - 127.0.0.1:2:1:\n        replicas:\n          - 127.0.0.1:3\n"
		_, err := Parse("f.yml", []byte(text))
		if err == nil || !strings.Contains(err.Error(), "f.yml:4: pool front: miss: ") || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("miss: %s: %v; want %s", line, err, want)
		}
	}
	text := "m:\n  listen: /m\n  miss: n ttl=60 max=1mb\n  servers:\n    - 127.0.0.1:2:1\nn:\n  servers:\n    - 127.0.0.1:2:1\n"
	if f, err := Parse("f.yml", []byte(text)); err != nil || f.Options.Pools[0].Miss != (session.MissOptions{Pool: "n", Seconds: 60, MaxBytes: 1 << 20}) {
		t.Errorf("miss of memcached: %v", err)
	}
}

// TestDual: the line's words, and how it is shown.
func TestDual(t *testing.T) {
	const pools = "front:\n  listen: /front\n  redis: true\n  dual_write: LINE\n  servers:\n    - 127.0.0.1:2:1\nusers:\n  redis: true\n  servers:\n    - 127.0.0.1:3:1\n"
	for line, want := range map[string]session.Answer{"users": session.AnswerBoth, "users answer=both": session.AnswerBoth, "users answer=own": session.AnswerOwn, "users answer=any": session.AnswerAny} {
		f, err := Parse("f.yml", []byte(strings.Replace(pools, "LINE", line, 1)))
		if err != nil {
			t.Fatal(err)
		}
		if got := f.Options.Pools[0].Dual; got.Pool != "users" || got.Answer != want {
			t.Errorf("dual_write: %s is %+v", line, got)
		}
		if got := Effective(&f.Options)["front"].(Section)["dual_write"]; got != "users answer="+want.String() {
			t.Errorf("dual_write: %s is shown as %v", line, got)
		}
	}
	f, err := Parse("f.yml", []byte(strings.Replace(strings.Replace(pools, "LINE", "users", 1), "users:\n", "users:\n  listen: /users\n  dual_write: front\n", 1)))
	if err != nil || f.Options.Pools[1].Dual.Pool != "front" {
		t.Errorf("two pools that write to one another: %v", err)
	}
}

// TestBadDual: what is wrong with writes to two pools is told, once, with its line.
func TestBadDual(t *testing.T) {
	pool := func(name, lines, port string) string {
		return name + ":\n  listen: /" + name + "\n" + lines + "  servers:\n    - 127.0.0.1:" + port + ":1\n"
	}
	for line, want := range map[string]string{
		"users answer=all":                   `has "answer=all", which is not answer=both, answer=own or answer=any`,
		"users answer=own answer=own":        `has "answer=own", which is the second answer=`,
		"users both":                         `has "both", which is not answer=both`,
		"users answer=own x":                 `has "x", which is not answer=both`,
		"answer=own":                         "names no pool",
		"userz":                              `did you mean "users"?`,
		"front":                              "is the pool itself",
		"mc":                                 "speaks another protocol",
		"same":                               "has server 127.0.0.1:2 as this pool does: it would be written to twice",
		"routed":                             "is pool 'routed', which has routes",
		"third":                              "is pool 'third', which has dual_write to a third",
		"random":                             "has distribution random",
		"cluster":                            "is a Redis Cluster",
		"few\n  databases: 4":                "does not have the 4 databases",
		"users\n  routes:\n    - few x*":     "does not go with routes",
		"users\n  failover: few":             "does not go with failover",
		"users\n  miss: few ttl=1":           "does not go with miss",
		"users\n  mirror: few":               "does not go with mirror",
		"users\n  redis_db: 1\n  hash: zzz1": "", // the hash alone
	} {
		text := pool("front", "  redis: true\n  dual_write: "+line+"\n", "2") + pool("users", "  redis: true\n", "3") + pool("mc", "", "4") + pool("same", "  redis: true\n", "2") +
			pool("few", "  redis: true\n", "8") + pool("routed", "  redis: true\n  routes:\n    - users u*\n", "5") + pool("third", "  redis: true\n  dual_write: users\n", "6") + pool("random", "  redis: true\n  distribution: random\n", "7") +
			"cluster:\n  listen: /cluster\n  redis: true\n  cluster: true\n  servers:\n    - 127.0.0.1:9\n"
		_, err := Parse("f.yml", []byte(text))
		if want == "" {
			if err == nil || strings.Contains(err.Error(), "dual_write") {
				t.Errorf("dual_write: %s: %v", line, err)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), "f.yml:4: pool front: dual_write: ") || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("dual_write: %s: %v; want %s", line, err, want)
		}
	}
}

// TestToDual: what other pools write to one with dual_write would be in that alone.
func TestToDual(t *testing.T) {
	for line, wrong := range map[string]bool{
		"routes:\n    - front x*": true, "failover: front send=all": true, "failover: front": false, "mirror: front": true, "mirror: front send=reads": false, "miss: front ttl=1": false,
	} {
		text := "other:\n  listen: /other\n  redis: true\n  " + line + "\n  servers:\n    - 127.0.0.1:4:1\nfront:\n  listen: /front\n  redis: true\n  dual_write: users\n  servers:\n    - 127.0.0.1:2:1\n" +
			"users:\n  redis: true\n  servers:\n    - 127.0.0.1:3:1\n"
		_, err := Parse("f.yml", []byte(text))
		if (err != nil) != wrong || wrong && !strings.Contains(err.Error(), "leads to pool 'front', which has dual_write: that is for what its own clients write") {
			t.Errorf("%s: %v", line, err)
		}
	}
}
