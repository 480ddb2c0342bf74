package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

func names(cs []contender) string {
	var names []string
	for _, c := range cs {
		names = append(names, c.name)
	}
	return strings.Join(names, " ")
}

func TestFindContenders(t *testing.T) {
	dir := t.TempDir()
	bin := filepath.Join(dir, "proxy")
	if err := os.WriteFile(bin, []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	absent := filepath.Join(dir, "none")
	t.Setenv("PATH", dir)
	if err := os.Symlink(bin, filepath.Join(dir, stunnel)); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, contenders, env, want, left string // left: part of what stderr says
	}{
		{"usual, all here", "", "", "direct cashew nutcracker echo stunnel", ""},
		{"further ones come last", "", "hare=" + bin + " cashew-base=" + bin, "direct cashew nutcracker echo stunnel hare cashew-base", ""},
		{"chosen among all", "direct, cashew-base", "hare=" + bin + "  cashew-base=" + bin, "direct cashew-base", ""},
		{"further one is missing", "direct,hare", "hare=" + absent, "direct", "hare is left out: no binary"},
	}
	for _, tt := range tests {
		t.Setenv(proxiesEnv, tt.env)
		var stderr bytes.Buffer
		cs, err := findContenders(options{contenders: tt.contenders, cashew: bin, nutcracker: bin}, &stderr)
		if err != nil || names(cs) != tt.want || !strings.Contains(stderr.String(), tt.left) || (tt.left == "") != (stderr.Len() == 0) {
			t.Errorf("%s: findContenders = %s, %v, stderr %q; want %s, %q", tt.name, names(cs), err, &stderr, tt.want, tt.left)
		}
	}
	t.Setenv(proxiesEnv, "")
	var stderr bytes.Buffer
	cs, err := findContenders(options{cashew: absent, nutcracker: absent}, &stderr)
	if err != nil || names(cs) != "direct echo stunnel" {
		t.Errorf("findContenders without binaries = %s, %v; want direct echo stunnel", names(cs), err)
	}
	if got := stderr.String(); !strings.Contains(got, "cashew is left out: no binary") || !strings.Contains(got, "nutcracker is left out") {
		t.Errorf("stderr %q does not say who is left out", got)
	}
	for _, bad := range []string{",", "direct,direct", "hare", "cashew"} {
		if cs, err := findContenders(options{contenders: bad, cashew: absent}, io.Discard); err == nil {
			t.Errorf("findContenders(%q) = %v; want an error", bad, cs)
		}
	}
}

func TestParseProxies(t *testing.T) {
	got, err := parseProxies(" a=/x/y\tb=z=1\n")
	if want := []contender{{"a", "/x/y"}, {"b", "z=1"}}; err != nil || !slices.Equal(got, want) {
		t.Errorf("parseProxies = %v, %v; want %v", got, err, want)
	}
	for _, bad := range []string{"a", "a=", "=x", "a=x a=y", "direct=x", "cashew=x", "nutcracker=x", "echo=x", "a,b=x", "a/b=x", "a|b=x"} {
		if got, err := parseProxies(bad); err == nil {
			t.Errorf("parseProxies(%q) = %v; want an error", bad, got)
		}
	}
}

func TestContenderRuns(t *testing.T) {
	r, m, four := workload{Protocol: "redis", Servers: 1}, workload{Protocol: "memcached", Servers: 1}, workload{Protocol: "redis", Servers: 4}
	tests := []struct {
		contender string
		w         workload
		test      string
		want      bool
	}{
		{direct, r, "mget10", true},
		{cashew, m, "get100", true},
		{echo, r, "set", true},
		{echo, m, mixed, true},
		{echo, r, "mget10", false},
		{echo, m, "get100", false},
		{echo, four, "set", false},
		{cashew, four, "set", true},
		{predixy, r, "mget10", true},
		{predixy, m, "get", false},
	}
	for _, tt := range tests {
		if got := (contender{name: tt.contender}).runs(tt.w, tt.test); got != tt.want {
			t.Errorf("%s runs %s %s: %t; want %t", tt.contender, tt.w.Protocol, tt.test, got, tt.want)
		}
	}
}

func TestConfiguration(t *testing.T) {
	const pool = `bench:
  listen: 127.0.0.1:22121
  hash: fnv1a_64
  distribution: ketama
  redis: true
  servers:
    - 127.0.0.1:7001:1 server1
    - 127.0.0.1:7002:1 server2
`
	const global = `global:
  admin: 127.0.0.1:9
`
	l := launch{
		listen: "127.0.0.1:22121", servers: []string{"127.0.0.1:7001", "127.0.0.1:7002"}, redis: true, admin: "127.0.0.1:9",
		conf: "CONF", log: "LOG", pid: "PID", stats: 7, valueBytes: 64,
	}
	const nutcrackers = "bin -c CONF -v 4 -o LOG -p PID -a 127.0.0.1 -s 7"
	tests := []struct {
		name  string
		loops int
		redis bool
		argv  string
		want  string
	}{
		{nutcracker, 2, true, nutcrackers, pool},
		{cashew, 0, true, nutcrackers, pool + global},
		{"cashew-base", 2, true, nutcrackers, pool + global + "  loops: 2\n"},
		{cashew, 1, false, nutcrackers, strings.Replace(pool, "redis: true", "redis: false", 1) + global + "  loops: 1\n"},
		{"hare", 2, true, "bin -c CONF", pool},
		{echo, 1, true, "bin echo -addr 127.0.0.1:22121 -protocol redis -size 64", pool},
		{echo, 1, false, "bin echo -addr 127.0.0.1:22121 -protocol memcached -size 64", strings.Replace(pool, "redis: true", "redis: false", 1)},
		{predixy, 1, true, "bin CONF", `Bind 127.0.0.1:22121
WorkerThreads 1
Log LOG
StandaloneServerPool {
    Hash crc16
    Distribution modula
    RefreshMethod fixed
    Group server1 {
        + 127.0.0.1:7001
    }
    Group server2 {
        + 127.0.0.1:7002
    }
}
`},
		{stunnel, 1, true, "bin CONF", `foreground = yes
pid =
debug = warning
socket = l:TCP_NODELAY=1
socket = r:TCP_NODELAY=1
[tls]
accept = 127.0.0.1:22121
connect = 127.0.0.1:7001
cert = CERT
key = KEY
ciphersuites = TLS_AES_128_GCM_SHA256
[pings]
client = yes
accept = PINGS
connect = 127.0.0.1:22121
`},
	}
	for _, tt := range tests {
		c, l := contender{name: tt.name, bin: "bin"}, l
		l.loops, l.redis, l.pings = tt.loops, tt.redis, "PINGS"
		if tt.name == stunnel {
			l.tls = &certificate{"CERT", "KEY"}
		}
		if got := c.configuration(l); got != tt.want {
			t.Errorf("%s, %s loops: configuration = %q; want %q", tt.name, strconv.Itoa(tt.loops), got, tt.want)
		}
		if got := strings.Join(c.argv(l), " "); got != tt.argv {
			t.Errorf("%s: argv = %q; want %q", tt.name, got, tt.argv)
		}
	}
}
