package engine

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"cashew/codec/memcached"
	"cashew/codec/resp"
	"cashew/session/sessiontest"
	"cashew/topology"
)

var update = flag.Bool("update", false, "rewrite the scripts that -run names with what happened")

// TestScripts plays testdata/scripts. A line is an event; the indented lines below it are what clients and servers got
// because of it. `go test -run Scripts/failure -update` writes these anew in failure.txt, for a person to read, and in no other
// script: one that nobody looks at afterwards would say that whatever happens is right.
//
//	servers N                   the pool's size; first line
//	option KEY VALUE            timeout, max_pipeline, client_output_buffer, password, ...; see start
//	client N: ARGS...           a command, as an array; the client connects when first named
//	client N sends "BYTES"      anything, Go-quoted
//	client N closes|resets      FIN or RST
//	client N stalls|takes K     its socket takes no bytes, or K more
//	server N accepts|refuses    decides a connection attempt; "servers accept" says it for all to come
//	server N/3 ...              the same for its connection of RESP3
//	server N: "BYTES"           what the server sends
//	server N closes
//	server N sickens            from now on it answers no probe
//	server N stalls|takes K     its socket takes no bytes, or K more
//	wait DURATION               time passes
func TestScripts(t *testing.T) {
	files, err := filepath.Glob("testdata/scripts/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	var rewrite []string
	if *update {
		if rewrite = scriptsOf(flag.Lookup("test.run").Value.String()); len(rewrite) == 0 {
			t.Fatal("-update rewrites the scripts that -run names, one or several: -run 'Scripts/(failure|order)' -update")
		}
	}
	for _, f := range files {
		name := strings.TrimSuffix(filepath.Base(f), ".txt")
		t.Run(name, func(t *testing.T) {
			want, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			var got string
			synctest.Test(t, func(t *testing.T) { got = play(t, string(want), false) })
			if slices.Contains(rewrite, name) {
				if err := os.WriteFile(f, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if d := cmp.Diff(string(want), got); d != "" {
				t.Errorf("%s (-want +got):\n%s", f, d)
			}
			if name == "pushes" {
				return // in its last case a stray reply comes in one piece with the handshake's: behind a cut it is no stray
			}
			synctest.Test(t, func(t *testing.T) { got = play(t, string(want), true) })
			if d := cmp.Diff(string(want), got); d != "" {
				t.Errorf("%s with a layer beneath all connections (-want +got):\n%s", f, d)
			}
		})
	}
}

// scriptsOf are the scripts that a -run pattern has by their whole names.
func scriptsOf(run string) (names []string) {
	_, scripts, _ := strings.Cut(strings.ReplaceAll(run, "$/", "/"), "Scripts/")
	for _, name := range strings.Split(strings.Trim(scripts, "^$()"), "|") {
		if name != "" && !strings.ContainsAny(name, `.*+?[]{}\/`) {
			names = append(names, strings.Trim(name, "^$()"))
		}
	}
	return names
}

func TestScriptsOf(t *testing.T) {
	for _, c := range []struct {
		run  string
		want []string
	}{
		{"", nil},
		{"Scripts", nil},
		{"TestScripts$", nil},
		{"Scripts/", nil},
		{"Scripts/.*", nil},
		{"Scripts/failure", []string{"failure"}},
		{"^TestScripts$/^failure$", []string{"failure"}},
		{"TestScripts/^(failure|order)$", []string{"failure", "order"}},
	} {
		if got := scriptsOf(c.run); !slices.Equal(got, c.want) {
			t.Errorf("scriptsOf(%q) = %q; want %q", c.run, got, c.want)
		}
	}
}

type player struct {
	t       *testing.T
	layered bool
	sim     *sim
	opt     [][2]string
	n       int
}

// play runs a script and returns it with the outcome of each event.
func play(t *testing.T, script string, layered bool) string {
	p := &player{t: t, layered: layered}
	var out bytes.Buffer
	for line := range strings.Lines(script) {
		line = strings.TrimRight(line, "\n")
		if strings.HasPrefix(line, "  ") {
			continue // an outcome
		}
		out.WriteString(line + "\n")
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		p.event(line)
		p.outcome(&out)
	}
	return out.String()
}

func (p *player) event(line string) {
	f := strings.Fields(line)
	num := func(s string) int {
		n, err := strconv.Atoi(strings.TrimSuffix(s, ":"))
		if err != nil {
			p.t.Fatalf("%q: %v", line, err)
		}
		return n
	}
	quoted := func() string {
		s, err := strconv.Unquote(line[strings.IndexByte(line, '"'):])
		if err != nil {
			p.t.Fatalf("%q: %v", line, err)
		}
		return s
	}
	switch {
	case f[0] == "servers" && f[1] == "accept":
		p.start().AcceptAll()
	case f[0] == "servers":
		p.n = num(f[1])
	case f[0] == "option":
		p.opt = append(p.opt, [2]string{f[1], f[2]})
	case f[0] == "wait":
		d, err := time.ParseDuration(f[1])
		if err != nil {
			p.t.Fatal(err)
		}
		p.start().Passes(d)
	case f[0] == "client":
		s := p.start()
		for len(s.Clients) < num(f[1]) {
			s.connect()
		}
		p.client(s.Clients[num(f[1])-1], f, quoted)
	case f[0] == "server":
		n, three := strings.CutSuffix(strings.TrimSuffix(f[1], ":"), "/3")
		v := p.start().Servers[num(n)]
		if three {
			v = v.Three
		}
		switch {
		case strings.HasSuffix(f[1], ":"):
			v.Reply(quoted())
		case f[2] == "accepts":
			v.Accept()
		case f[2] == "refuses":
			v.Refuse(syscall.ECONNREFUSED)
		case f[2] == "closes":
			v.HangUp()
		case f[2] == "sickens":
			v.Sicken()
		case f[2] == "stalls":
			v.Sock.Room = 0
		case f[2] == "takes":
			p.sim.DrainRoom(v.Sock, num(f[3]))
		default:
			p.t.Fatalf("unknown event %q", line)
		}
	default:
		p.t.Fatalf("unknown event %q", line)
	}
	if p.sim != nil {
		p.sim.Settle()
		synctest.Wait() // probes run beside the loop
		p.sim.Settle()
	}
}

func (p *player) client(c *sessiontest.Client, f []string, quoted func() string) {
	switch {
	case strings.HasSuffix(f[1], ":"):
		c.Send(array(f[2:]...))
	case f[2] == "sends":
		c.Send(quoted())
	case f[2] == "closes":
		c.HangUp(io.EOF)
	case f[2] == "resets":
		c.HangUp(syscall.ECONNRESET)
	case f[2] == "stalls":
		c.Sock.Room = 0
	case f[2] == "takes":
		n, _ := strconv.Atoi(f[3])
		p.sim.DrainRoom(c.Sock, n)
	default:
		p.t.Fatalf("unknown event %q", f)
	}
}

func (p *player) start() *sim {
	if p.sim == nil {
		p.sim = newSim(p.t, max(p.n, 1), func(o *Options, po *PoolOptions) {
			for _, kv := range p.opt {
				n, _ := strconv.Atoi(kv[1])
				switch kv[0] {
				case "timeout":
					po.Timeout = time.Duration(n) * time.Millisecond
				case "max_pipeline":
					o.MaxPipeline = n
				case "max_request":
					o.MaxRequestBytes = n
				case "client_output_buffer":
					po.ClientOutputBuffer = n
				case "client_write_timeout":
					po.ClientWriteTimeout = time.Duration(n) * time.Millisecond
				case "password":
					po.Protocol = resp.New(resp.Options{Password: kv[1], DB: 3})
				case "eject":
					po.AutoEjectHosts, po.ServerFailureLimit, po.ServerRetryTimeout = true, n, time.Hour
				case "partial":
					po.PartialResults = true
				case "on_server_failure":
					po.OnServerFailure = topology.FailurePolicies[kv[1]]
				case "protocol":
					po.Protocol = memcached.New(memcached.Options{Admin: true})
				default:
					p.t.Fatalf("unknown option %q", kv[0])
				}
			}
		})
		p.sim.Layered = p.layered
	}
	return p.sim
}

// outcome writes what clients and servers got since the last event.
func (p *player) outcome(out *bytes.Buffer) {
	if p.sim == nil {
		return
	}
	for i, v := range p.sim.Servers {
		serverOutcome(out, v, strconv.Itoa(i))
		serverOutcome(out, v.Three, strconv.Itoa(i)+"/3")
	}
	for i, c := range p.sim.Clients {
		if len(c.Sock.Got) > 0 {
			fmt.Fprintf(out, "  client %d gets %s\n", i+1, short(c.Sock.Take()))
		}
		if c.Sock.Shut {
			fmt.Fprintf(out, "  client %d is told the end\n", i+1)
			c.Sock.Shut = false
		}
		if c.Conn.Closed {
			fmt.Fprintf(out, "  client %d is disconnected\n", i+1)
			p.sim.Clients[i].Conn = &sessiontest.Conn{}
		}
	}
}

// serverOutcome writes what v, which the script calls name, got.
func serverOutcome(out *bytes.Buffer, v *simServer, name string) {
	if v.Dialing != nil {
		fmt.Fprintf(out, "  server %s is being connected to\n", name)
	}
	if v.Sock != nil && len(v.Sock.Got) > 0 {
		fmt.Fprintf(out, "  server %s gets %s\n", name, short(v.Sock.Take()))
	}
	if v.Conn != nil && v.Conn.Closed {
		fmt.Fprintf(out, "  server %s is disconnected\n", name)
		v.Conn = nil
	}
}

func short(s string) string {
	if len(s) > 400 {
		return fmt.Sprintf("%q... (%d bytes)", s[:40], len(s))
	}
	return strconv.Quote(s)
}
