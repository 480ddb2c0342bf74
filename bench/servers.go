package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	startTimeout = 10 * time.Second // until a started process answers a ping
	stopTimeout  = 3 * time.Second  // from SIGTERM to SIGKILL
	startTries   = 3                // another process may take the port that the kernel just gave us
)

// A process is one that we started, in a process group of its own.
type process struct {
	name    string
	addr    string // where it answers pings
	admin   string // cashew's admin address; "" for others
	tlsAddr string // where clients that speak TLS connect; "": nowhere
	argv    []string
	log     string
	cmd     *exec.Cmd
	done    chan struct{} // closed when it has ended
	waitErr error         // how it ended; valid after done
}

func (p *process) pid() int { return p.cmd.Process.Pid }

func (p *process) alive() bool {
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// processes are all that we started and have not ended yet. Used from one goroutine.
type processes struct {
	dir     string       // logs and configuration files
	tls     *certificate // nil: no workload needs one
	place   placement
	started int
	running []*process
	logs    []string
}

// start runs argv on the CPUs of a taskset list and returns when it answers a ping of proto at addr.
func (ps *processes) start(ctx context.Context, proto protocol, name, addr, cpus string, argv []string) (*process, error) {
	logPath := ps.logPath(name)
	log, err := os.OpenFile(logPath, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return nil, err
	}
	defer closeQuietly(log)
	full := pinned(cpus, argv)
	p := &process{name: name, addr: addr, argv: argv, log: logPath, done: make(chan struct{})}
	p.cmd = exec.Command(full[0], full[1:]...)
	p.cmd.Stdout, p.cmd.Stderr = log, log
	p.cmd.SysProcAttr = ownGroup()
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	ps.running = append(ps.running, p)
	ps.logs = append(ps.logs, logPath)
	go func() {
		p.waitErr = p.cmd.Wait()
		if p.waitErr == nil {
			p.waitErr = errors.New("exit status 0")
		}
		close(p.done)
	}()
	if err := p.awaitPong(ctx, proto); err != nil {
		ps.stop(p)
		return nil, fmt.Errorf("%s: %w%s", name, err, logTail(logPath, 5))
	}
	return p, nil
}

// awaitPong sends pings until one is answered, the process has ended or startTimeout is over.
func (p *process) awaitPong(ctx context.Context, proto protocol) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for {
		err := talk(ctx, p.addr, time.Second, proto.ping)
		if err == nil && p.alive() {
			return nil
		}
		select {
		case <-p.done:
			return fmt.Errorf("ended before it answered: %w", p.waitErr)
		case <-ctx.Done():
			return fmt.Errorf("no answer to a ping: %w", err)
		case <-time.After(5 * time.Millisecond): // refused: not yet listening
		}
	}
}

// stop ends p and all of its process group: first politely, then not.
func (ps *processes) stop(p *process) {
	if p.alive() {
		signalGroup(p.pid(), syscall.SIGTERM)
		select {
		case <-p.done:
		case <-time.After(stopTimeout):
			signalGroup(p.pid(), syscall.SIGKILL)
			<-p.done
		}
	}
	ps.running = slices.DeleteFunc(ps.running, func(x *process) bool { return x == p })
}

func (ps *processes) stopAll() {
	for len(ps.running) > 0 {
		ps.stop(ps.running[len(ps.running)-1])
	}
}

func (ps *processes) logPath(name string) string {
	ps.started++
	return filepath.Join(ps.dir, fmt.Sprintf("%02d-%s.log", ps.started, name))
}

// printLogs shows the end of what each process wrote, for a failure's sake.
func (ps *processes) printLogs(w io.Writer) {
	for _, log := range ps.logs {
		if tail := logTail(log, 10); tail != "" {
			fmt.Fprintf(w, "%s:%s\n", filepath.Base(log), tail)
		}
	}
}

// logTail returns the last lines of a log, each on a new indented line, or "" if there are none.
func logTail(path string, lines int) string {
	text, err := os.ReadFile(path)
	if err != nil || len(strings.TrimSpace(string(text))) == 0 {
		return ""
	}
	all := strings.Split(strings.TrimRight(string(text), "\n"), "\n")
	return "\n    " + strings.Join(all[max(0, len(all)-lines):], "\n    ")
}

// startServers starts n servers that each take a number of clients.
func (ps *processes) startServers(ctx context.Context, proto protocol, n, clients int) ([]*process, error) {
	var servers []*process
	for i := range n {
		p, err := ps.startOnFreePorts(ctx, 2, func(ports []int) (*process, error) {
			port := strconv.Itoa(ports[0])
			argv := proto.serverArgv(port, ps.dir, clients)
			if ps.tls != nil && proto.redis() {
				argv = append(argv, ps.tls.serverArgs(strconv.Itoa(ports[1]))...)
			}
			addr := "127.0.0.1:" + port
			if _, ok := proto.(redisUnix); ok {
				addr = socketAt(ps.dir, "redis", port)
			}
			p, err := ps.start(ctx, proto, fmt.Sprintf("%s%d", proto.name(), i+1), addr, ps.place.server, argv)
			if err == nil && ps.tls != nil && proto.redis() {
				p.tlsAddr = "127.0.0.1:" + strconv.Itoa(ports[1])
			}
			return p, err
		})
		if err != nil {
			return nil, err
		}
		servers = append(servers, p)
	}
	return servers, nil
}

// startProxy starts c before the servers and returns it with the configuration it got.
func (ps *processes) startProxy(ctx context.Context, w workload, c contender, servers []*process) (p *process, conf string, err error) {
	l := launch{redis: w.protocol().redis(), cluster: w.cluster(), loops: w.Loops, valueBytes: w.ValueBytes, near: w.Near}
	if w.secure() {
		l.tls = ps.tls
	}
	for _, s := range servers {
		l.servers = append(l.servers, s.addr)
	}
	p, err = ps.startOnFreePorts(ctx, 3, func(ports []int) (*process, error) {
		l.listen, l.stats, l.admin = "127.0.0.1:"+strconv.Itoa(ports[0]), ports[1], "127.0.0.1:"+strconv.Itoa(ports[2])
		if _, ok := w.protocol().(redisUnix); ok {
			l.listen = socketAt(ps.dir, c.name, strconv.Itoa(ports[0]))
		}
		l.pings = l.admin // stunnel has no admin address
		base := filepath.Join(ps.dir, fmt.Sprintf("%s-%d", c.name, ports[0]))
		l.conf, l.log, l.pid = base+".yml", base+".log", base+".pid"
		conf = c.configuration(l)
		if err := os.WriteFile(l.conf, []byte(conf), 0o644); err != nil {
			return nil, err
		}
		ps.logs = append(ps.logs, l.log)
		plain := l.listen
		if c.name == stunnel {
			plain = l.pings
		}
		p, err := ps.start(ctx, w.protocol(), c.name, plain, ps.place.proxy, c.argv(l))
		if err != nil {
			return nil, fmt.Errorf("%w%s", err, logTail(l.log, 5))
		}
		if w.secure() {
			p.tlsAddr = l.listen
		}
		if c.isCashew() {
			p.admin = l.admin
		}
		return p, nil
	})
	return p, conf, err
}

// startOnFreePorts calls start with n ports that were free a moment ago, and again with others if it fails.
func (ps *processes) startOnFreePorts(ctx context.Context, n int, start func(ports []int) (*process, error)) (*process, error) {
	var failed error
	for range startTries {
		ports, err := freePorts(n)
		if err != nil {
			return nil, err
		}
		p, err := start(ports)
		if err == nil {
			return p, nil
		}
		failed = err
		if ctx.Err() != nil {
			break
		}
	}
	return nil, failed
}

// freePorts asks the kernel for n different ports on loopback.
func freePorts(n int) ([]int, error) {
	var ports []int
	for range n {
		l, err := net.Listen("tcp4", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer closeQuietly(l) // all at the end, so that none is given twice
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports, nil
}

// signalGroup signals the process group that pid leads. The process must not have been waited for.
func signalGroup(pid int, sig syscall.Signal) {
	_ = syscall.Kill(-pid, sig)
}
