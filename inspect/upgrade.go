package inspect

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"cashew/upgrade"
)

func upgradeCommand() *Command {
	return &Command{
		Name:    "upgrade",
		Args:    targetUsage + " [--timeout SECONDS]",
		Summary: "have a running proxy replaced by the program that stands in its place now",
		Help: "Asks a running proxy to start the program that stands where it was itself started from, with its\n" +
			"arguments, its listeners and its clients, and waits for the outcome. If the new process fails, also by a mistake in\n" +
			"the configuration, the old one goes on; its log says why, and the exit status is 1.",
		build: func(fs *pflag.FlagSet) action {
			admin := targetFlags(fs, "")
			timeout := fs.Float64("timeout", (upgrade.DefaultTimeout + 30*time.Second).Seconds(), "seconds to wait for the outcome")
			return func(args []string, stdout, _ io.Writer) error {
				switch {
				case len(args) > 0:
					return fmt.Errorf("%w: it takes no arguments", errUsage)
				case !admin.isNamed():
					return fmt.Errorf("%w: which pid file?", errUsage)
				}
				path, err := pidFileOf(admin)
				if err != nil {
					return err
				}
				ctx, cancel := context.WithTimeoutCause(context.Background(), time.Duration(*timeout*float64(time.Second)),
					errors.New("no outcome yet; its log will have it"))
				defer cancel()
				before, after, err := upgrade.Request(ctx, path)
				if err != nil {
					return err
				}
				fmt.Fprintf(stdout, "process %d took over from process %d\n", after, before)
				return nil
			}
		},
	}
}

// isHere says that an admin address is one of this machine's.
func isHere(addr string) bool {
	addr = strings.TrimPrefix(strings.TrimPrefix(addr, "https://"), "http://")
	if strings.HasPrefix(addr, "/") {
		return true
	}
	host, _, err := net.SplitHostPort(addr)
	switch {
	case err != nil:
		host = addr
	case host == "": // as net.Dial has it
		return true
	}
	own, err := net.InterfaceAddrs()
	ips, lookErr := net.LookupIP(host)
	if err != nil || lookErr != nil {
		return false
	}
	for _, ip := range ips {
		if ip.IsLoopback() || ip.IsUnspecified() || slices.ContainsFunc(own, func(a net.Addr) bool { n, ok := a.(*net.IPNet); return ok && n.IP.Equal(ip) }) {
			return true
		}
	}
	return false
}

// pidFileOf is the pid file of the proxy that is meant: it tells the outcome.
func pidFileOf(p *pages) (string, error) {
	if p.pidFile != "" && p.conf == "" && !p.given("admin") {
		return p.pidFile, p.readPid()
	}
	if err := p.find(); err != nil {
		return "", err
	}
	if !isHere(p.addr) {
		return "", fmt.Errorf("%s is not on this machine, whose processes have other numbers: upgrade it there", p.addr)
	}
	if p.answered.process == "" {
		if err := p.verify(); err != nil {
			return "", err
		}
	}
	pid, err := strconv.Atoi(p.answered.process)
	if err != nil {
		return "", fmt.Errorf("%s does not say which process it is: -p PIDFILE", p.addr)
	}
	if other := notOurs(pid); other != "" {
		return "", fmt.Errorf("process %d of this machine is %s, and no cashew: %s is in a container, or elsewhere: upgrade it there", pid, other, p.addr)
	}
	line, err := lineOf(pid)
	if err == nil && line.pidFile == "" {
		err = errors.New("it has none")
	}
	if err != nil {
		return "", fmt.Errorf("%s: which pid file will have the outcome? %w; -p PIDFILE, or kill -USR2 %d and look into its log", p.who(), err, pid)
	}
	return line.pidFile, nil
}
