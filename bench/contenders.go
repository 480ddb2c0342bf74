package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// The contenders' names, as the table has them. What else takes part is named by proxiesEnv.
const (
	direct     = "direct"
	cashew     = "cashew"
	nutcracker = "nutcracker"
	echo       = "echo"
	predixy    = "predixy"
	stunnel    = "stunnel"
)

// proxiesEnv names further proxies: "name=/path/to/binary other=/path". How one is started and configured goes by its
// name: one that begins with cashew is cashew's binary of another build, predixy gets predixy's configuration, and all
// others must take twemproxy's file and "-c FILE".
const proxiesEnv = "CASHEW_BENCH_PROXIES"

// A contender is one way from the load generator to the servers.
type contender struct {
	name string
	bin  string // the proxy's binary; "" for direct, this program for echo
}

// isCashew is true for all builds of cashew.
func (c contender) isCashew() bool { return strings.HasPrefix(c.name, cashew) }

// runs reports whether c can take part in a workload's test: echo has one reply for one key, and no servers of which there
// could be several; predixy knows Redis alone; RESP3, TLS and clusters are known of direct and cashew, and stunnel does nothing but TLS.
func (c contender) runs(w workload, test string) bool {
	if c.name == stunnel {
		return w.TLS && !w.RESP3
	}
	if (w.RESP3 || w.secure() || w.cluster()) && !c.isCashew() && c.name != direct {
		return false
	}
	if test == transaction || test == fanOut || w.Fields > 0 { // those of the environment may know them
		if c.name == nutcracker && w.Fields == 0 || c.name == echo {
			return false
		}
	}
	switch c.name {
	case echo:
		if w.Protocol == (redisUnix{}).name() {
			return false
		}
		return keysOf(test) <= 1 && w.Servers == 1
	case predixy:
		return w.protocol().redis()
	}
	return true
}

// launch is what a proxy is started with. Paths may not exist yet.
type launch struct {
	listen     string   // where clients connect
	servers    []string // addresses; of stunnel cashew's, before which it stands
	pings      string   // where stunnel takes what is not TLS
	redis      bool
	cluster    bool
	tls        *certificate // nil: clients speak none
	loops      int          // cashew's event loops; 0 leaves them to cashew
	valueBytes int          // of echo's replies
	near       string       // what cashew keeps near; "": nothing
	conf       string
	log, pid   string
	stats      int    // port of nutcracker's and cashew's statistics
	admin      string // cashew's admin address
}

// argv is the proxy's command line. nutcracker's own flags, which cashew takes too: level 4 leaves out nutcracker's
// notices, for each of which it would call getpeername; log and pid file are named because Debian's build has defaults
// outside our directory.
func (c contender) argv(l launch) []string {
	switch {
	case c.name == echo:
		protocol := "memcached"
		if l.redis {
			protocol = "redis"
		}
		return []string{c.bin, echoCommand, "-addr", l.listen, "-protocol", protocol, "-size", strconv.Itoa(l.valueBytes)}
	case c.name == predixy, c.name == stunnel:
		return []string{c.bin, l.conf}
	case c.name == nutcracker || c.isCashew():
		return []string{c.bin, "-c", l.conf, "-v", "4", "-o", l.log, "-p", l.pid, "-a", "127.0.0.1", "-s", strconv.Itoa(l.stats)}
	}
	return []string{c.bin, "-c", l.conf}
}

// versionFlag is what has the proxy print its version.
func (c contender) versionFlag() string {
	if c.name == stunnel {
		return "-version"
	}
	return "-V"
}

// configuration is the text of the proxy's file: a nutcracker.yml but for predixy and stunnel. Servers have names, so that the
// ring does not depend on today's ports.
func (c contender) configuration(l launch) string {
	switch c.name {
	case predixy:
		return predixyConfiguration(l)
	case stunnel:
		return stunnelConfiguration(l)
	}
	var b strings.Builder
	if l.cluster {
		fmt.Fprintf(&b, "bench:\n  listen: %s\n  redis: true\n  cluster: true\n  servers:\n    - %s:1\n", l.listen, l.servers[0])
	} else {
		fmt.Fprintf(&b, "bench:\n  listen: %s\n  hash: fnv1a_64\n  distribution: ketama\n  redis: %t\n  servers:\n", l.listen, l.redis)
		for i, s := range l.servers {
			fmt.Fprintf(&b, "    - %s:1 server%d\n", s, i+1)
		}
	}
	if l.tls != nil {
		fmt.Fprintf(&b, "  tls: optional\n  tls_cert_file: %s\n  tls_key_file: %s\n", l.tls.cert, l.tls.key)
	}
	if c.isCashew() && l.near != "" {
		fmt.Fprintf(&b, "  near_cache: %s\n", l.near)
	}
	if c.isCashew() {
		fmt.Fprintf(&b, "global:\n  admin: %s\n", l.admin)
		if l.loops > 0 {
			fmt.Fprintf(&b, "  loops: %d\n", l.loops)
		}
	}
	return b.String()
}

// predixyConfiguration has one thread, as nutcracker has, and a group for each server.
//
// Source: predixy 1.0.5 conf/predixy.conf, conf/standalone.conf. It has no ketama: keys go by CRC16 modulo groups.
func predixyConfiguration(l launch) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Bind %s\nWorkerThreads 1\nLog %s\nStandaloneServerPool {\n    Hash crc16\n    Distribution modula\n    RefreshMethod fixed\n",
		l.listen, l.log)
	for i, s := range l.servers {
		fmt.Fprintf(&b, "    Group server%d {\n        + %s\n    }\n", i+1, s)
	}
	b.WriteString("}\n")
	return b.String()
}

// stunnelConfiguration is TLS before a proxy that speaks none. Pings are not TLS: a second service takes them to the first.
//
// Source: stunnel(8), configuration file options.
func stunnelConfiguration(l launch) string {
	return fmt.Sprintf("foreground = yes\npid =\ndebug = warning\nsocket = l:TCP_NODELAY=1\nsocket = r:TCP_NODELAY=1\n"+
		"[tls]\naccept = %s\nconnect = %s\ncert = %s\nkey = %s\nciphersuites = TLS_AES_128_GCM_SHA256\n"+
		"[pings]\nclient = yes\naccept = %s\nconnect = %s\n",
		l.listen, l.servers[0], l.tls.cert, l.tls.key, l.pings, l.listen)
}

// findContenders turns -contenders into what can run here; a proxy whose binary is missing is left out with a line on
// stderr. Without the flag, those of proxiesEnv take part after the usual ones.
func findContenders(o options, stderr io.Writer) ([]contender, error) {
	others, err := parseProxies(os.Getenv(proxiesEnv))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", proxiesEnv, err)
	}
	names := strings.Split(o.contenders, ",")
	if o.contenders == "" {
		names = []string{direct, cashew, nutcracker, echo, stunnel}
		for _, c := range others {
			names = append(names, c.name)
		}
	}
	var cs []contender
	for _, name := range names {
		name = strings.TrimSpace(name)
		if slices.ContainsFunc(cs, func(c contender) bool { return c.name == name }) {
			return nil, fmt.Errorf("-contenders: %q twice", name)
		}
		c := contender{name: name}
		switch i := slices.IndexFunc(others, func(c contender) bool { return c.name == name }); {
		case name == direct:
		case i >= 0:
			c.bin, err = executable(others[i].bin)
		case name == cashew:
			if c.bin, err = executable(o.cashew); err != nil {
				err = fmt.Errorf("%w (make build)", err)
			}
		case name == nutcracker:
			c.bin, err = lookPathSbin(o.nutcracker)
		case name == stunnel:
			c.bin, err = lookPathSbin(stunnel)
		case name == echo:
			c.bin, err = os.Executable()
		default:
			return nil, fmt.Errorf("-contenders: %q is none of %s, %s, %s, %s, %s, and %s does not name it", name, direct, cashew, nutcracker, echo, stunnel, proxiesEnv)
		}
		if err != nil {
			fmt.Fprintf(stderr, "bench: %s is left out: %v\n", name, err)
			continue
		}
		cs = append(cs, c)
	}
	if len(cs) == 0 {
		return nil, errors.New("nobody to measure: no contender can run here")
	}
	return cs, nil
}

// parseProxies reads proxiesEnv's value.
func parseProxies(text string) ([]contender, error) {
	var cs []contender
	for field := range strings.FieldsSeq(text) {
		name, bin, _ := strings.Cut(field, "=")
		switch {
		case name == "" || bin == "" || strings.ContainsAny(name, `,/\|`):
			return nil, fmt.Errorf("%q: want name=/path/to/binary", field)
		case slices.Contains([]string{direct, cashew, nutcracker, echo, stunnel}, name):
			return nil, fmt.Errorf("%q: %s is somebody else's name", field, name)
		case slices.ContainsFunc(cs, func(c contender) bool { return c.name == name }):
			return nil, fmt.Errorf("%q: %s is there twice", field, name)
		}
		cs = append(cs, contender{name: name, bin: bin})
	}
	return cs, nil
}

// executable checks that bin is a file that can be run, and returns it such that it is not looked up in PATH.
func executable(bin string) (string, error) {
	if st, err := os.Stat(bin); err != nil || st.IsDir() || st.Mode()&0o111 == 0 {
		return "", fmt.Errorf("no binary at %s", bin)
	}
	if !strings.ContainsRune(bin, filepath.Separator) {
		bin = "." + string(filepath.Separator) + bin
	}
	return bin, nil
}

// lookPathSbin is exec.LookPath that also knows where Debian puts daemons, which a user's PATH may lack.
func lookPathSbin(name string) (string, error) {
	bin, err := exec.LookPath(name)
	if err == nil || strings.ContainsRune(name, filepath.Separator) {
		return bin, err
	}
	for _, dir := range []string{"/usr/sbin", "/usr/local/sbin"} {
		if bin, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return bin, nil
		}
	}
	return "", err
}
