package inspect

import (
	"bytes"
	"debug/buildinfo"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"

	"github.com/spf13/pflag"

	"cashew/configs"
	"cashew/engine"
)

// Of several proxies on a host a command means one: that of a configuration file (-c), of a pid file (-p), or at an address (--admin).
//
//	-p PIDFILE --> process --/proc--> its -c --> FILE --> global.admin --> address
//	-c FILE ------------------------------------^
//
// Whoever answers there says which process it is and which file it runs, so that no other one is taken for the one that is meant: two
// proxies may have the same address in their files, of which one got it.

// target is what a command line says of the proxy that it means, beside pages.addr.
type target struct {
	conf    string // -c, or what the process of pidFile has
	pidFile string
	pid     int  // of pidFile
	isDemo  bool // the process has no file
	stats   string
}

const targetUsage = "[-c FILE | -p PIDFILE | --admin ADDR]"

// targetFlags adds the three ways.
func targetFlags(fs *pflag.FlagSet, addr string) *pages {
	p := pagesFlags(fs, addr, adminUsage)
	fs.StringVarP(&p.conf, "conf-file", "c", "", "configuration file of the running proxy: it says where the admin pages are, and their token")
	fs.StringVarP(&p.pidFile, "pid-file", "p", "", "pid file of the running proxy")
	p.given = fs.Changed
	return p
}

// isNamed says whether the command line names a proxy.
func (p *pages) isNamed() bool { return p.conf != "" || p.pidFile != "" || p.given("admin") }

// find has p lead to the proxy that is meant, and to no other.
func (p *pages) find() error {
	named := 0
	for _, flag := range []string{"conf-file", "pid-file", "admin"} {
		if p.given(flag) {
			named++
		}
	}
	if named > 1 {
		return fmt.Errorf("%w: one of -c, -p and --admin", errUsage)
	}
	if p.pidFile != "" {
		if err := p.findProcess(); err != nil {
			return err
		}
	}
	if p.conf == "" {
		return nil
	}
	if err := p.findPages(); err != nil {
		return err
	}
	return p.verify()
}

// findProcess finds the file that the process of the pid file runs.
func (p *pages) findProcess() error {
	if err := p.readPid(); err != nil {
		return err
	}
	line, err := lineOf(p.pid)
	if err != nil {
		return fmt.Errorf("process %d of %s does not say which file it runs: -c FILE or --admin ADDR: %w", p.pid, p.pidFile, err)
	}
	if p.isDemo, p.conf, p.stats = line.isDemo, line.conf, line.stats; p.isDemo {
		if p.addr = line.admin; p.addr == "" {
			return errors.New("the demo says where its admin pages are, which the kernel chose: --admin ADDR")
		}
		return p.verify()
	}
	return nil
}

// readPid finds the process of the pid file, which may be another by now: an old file may have the number of anybody.
func (p *pages) readPid() error {
	text, err := readSmall(p.pidFile)
	if err != nil {
		return fmt.Errorf("pid file: %w", err)
	}
	if p.pid, err = strconv.Atoi(string(bytes.TrimSpace(text))); err != nil || p.pid < 1 {
		return fmt.Errorf("%s holds no pid", p.pidFile)
	}
	if errors.Is(syscall.Kill(p.pid, 0), syscall.ESRCH) {
		return fmt.Errorf("process %d of %s does not run", p.pid, p.pidFile)
	}
	if other := notOurs(p.pid); other != "" {
		return fmt.Errorf("process %d of %s is %s, and no cashew: the file is an old one", p.pid, p.pidFile, other)
	}
	return nil
}

// notOurs is the program of a process that is no cashew; "": it is one, or nobody can tell, as it is another user's, or there is no /proc.
func notOurs(pid int) string {
	program := fmt.Sprintf("/proc/%d/exe", pid)
	path, err := os.Readlink(program)
	if err != nil {
		return ""
	}
	if info, err := buildinfo.ReadFile(program); errors.Is(err, fs.ErrPermission) || err == nil && info.Main.Path == ours() {
		return ""
	}
	return path
}

// ours is the module of this program.
func ours() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		return info.Main.Path
	}
	return ""
}

// findPages finds the admin pages of the file.
func (p *pages) findPages() error {
	o, err := configs.AdminPages(p.conf)
	if err != nil {
		return err
	}
	if o.Admin == "" {
		return fmt.Errorf("%w: %s says admin: off", errNoPages, p.conf)
	}
	if p.addr = o.Admin; !strings.HasPrefix(p.addr, "/") {
		host, port, err := net.SplitHostPort(o.Admin)
		if err != nil || port == "0" {
			return fmt.Errorf("%s has the kernel choose where the admin pages are: --admin ADDR", p.conf)
		}
		if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
			host = "localhost"
		}
		p.addr = net.JoinHostPort(host, port)
	}
	if o.AdminTLSCertFile != "" {
		p.addr = "https://" + p.addr
	}
	p.own.token, p.own.tokenFile, p.own.cert = o.AdminToken, o.AdminTokenFile, o.AdminTLSCertFile
	return nil
}

// errNoPages is that a proxy has no admin pages.
var errNoPages = errors.New("there are no admin pages to ask")

// verify asks who answers, before anything else is asked of it.
func (p *pages) verify() error {
	if _, _, err := p.get(http.MethodGet, "/healthz", nil, patience, math.MaxInt16); err != nil {
		return err
	}
	switch at := p.who(); {
	case p.answered.process == "": // an older program
		return nil
	case p.pid != 0 && p.answered.process != strconv.Itoa(p.pid):
		return fmt.Errorf("%s answers, and not process %d of %s", at, p.pid, p.pidFile)
	case p.conf != "" && p.answered.file != configs.FileID(p.conf):
		return fmt.Errorf("%s answers, which runs another file than %s", at, p.conf)
	}
	return nil
}

// answered is who answered last, as its headers say.
type answered struct{ process, file string }

func (p *pages) note(h http.Header) {
	p.answered = answered{h.Get(engine.ProcessHeader), h.Get(engine.FileHeader)}
}

// who is which proxy was asked.
func (p *pages) who() string {
	if p.answered.process == "" {
		return p.addr
	}
	return fmt.Sprintf("%s (process %s)", p.addr, p.answered.process)
}

// commandLine is what a running proxy was started with, as far as commands need it.
type commandLine struct {
	isDemo               bool
	conf, pidFile, stats string // paths from the root; stats: an address
	admin                string // of the demo; "": nobody knows
}

// lineOf reads the command line of a process from /proc.
func lineOf(pid int) (l commandLine, err error) {
	dir := fmt.Sprintf("/proc/%d/", pid)
	text, err := os.ReadFile(dir + "cmdline")
	if err != nil {
		return l, err
	}
	args := strings.Split(strings.TrimSuffix(string(text), "\x00"), "\x00")
	l = parseLine(args[1:])
	for _, path := range []*string{&l.conf, &l.pidFile} {
		if *path == "" || filepath.IsAbs(*path) {
			continue
		}
		cwd, err := os.Readlink(dir + "cwd")
		if err != nil {
			return l, err
		}
		*path = filepath.Join(cwd, *path)
	}
	return l, nil
}

// parseLine reads the proxy's options as package daemon does, and ignores those that do not matter here.
func parseLine(args []string) (l commandLine) {
	if len(args) > 0 && args[0] == Demo {
		l.isDemo, args = true, args[1:]
	}
	fs := pflag.NewFlagSet("", pflag.ContinueOnError)
	fs.ParseErrorsAllowlist.UnknownFlags = true
	fs.Usage = func() {}
	for _, flag := range []string{"daemonize d", "test-conf t", "help h", "version V", "describe-stats D"} {
		long, short, _ := strings.Cut(flag, " ")
		fs.BoolP(long, short, false, "")
	}
	names := []string{"conf-file c", "pid-file p", "stats-port s", "stats-addr a", "output o", "verbose v", "stats-interval i", "mbuf-size m", "embedded-port ", "drain-delay "}
	for _, flag := range names {
		long, short, _ := strings.Cut(flag, " ")
		fs.StringP(long, short, "", "")
	}
	fs.SetNormalizeFunc(func(_ *pflag.FlagSet, name string) pflag.NormalizedName {
		for _, flag := range names { // long names may be cut
			if long, _, _ := strings.Cut(flag, " "); len(name) > 1 && strings.HasPrefix(long, name) {
				return pflag.NormalizedName(long)
			}
		}
		return pflag.NormalizedName(name)
	})
	_ = fs.Parse(args) // the proxy has taken it
	value := func(name, otherwise string) string {
		if v, _ := fs.GetString(name); v != "" {
			return v
		}
		return otherwise
	}
	if !l.isDemo {
		l.conf = value("conf-file", defaultConf)
	}
	port := "22222"
	if l.isDemo {
		redis, _ := strconv.Atoi(value("embedded-port", "22121"))
		_, stats, admin := configs.DemoPorts(redis)
		if port = strconv.Itoa(stats); admin > 0 {
			l.admin = net.JoinHostPort("127.0.0.1", strconv.Itoa(admin))
		}
	}
	l.pidFile = value("pid-file", "")
	l.stats = value("stats-addr", "0.0.0.0")
	if !strings.HasPrefix(l.stats, "/") {
		if l.stats == "0.0.0.0" {
			l.stats = "127.0.0.1"
		}
		l.stats = net.JoinHostPort(l.stats, value("stats-port", port))
	}
	return l
}

const defaultConf = "conf/nutcracker.yml"
