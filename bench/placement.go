package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
)

// placement says which process may run on which CPUs, as taskset wants them; "" leaves it to the kernel.
type placement struct{ client, proxy, server string }

func (p placement) String() string {
	if p == (placement{}) {
		return "left to the kernel"
	}
	return fmt.Sprintf("load generator on CPU %s, proxy on CPU %s, servers on CPU %s", p.client, p.proxy, p.server)
}

// pinned prefixes argv with taskset where there is a list of CPUs.
func pinned(cpus string, argv []string) []string {
	if cpus == "" {
		return argv
	}
	return append([]string{"taskset", "-c", cpus}, argv...)
}

// pinPlacement is what -pin asks for: the load generator on one CPU, proxy and servers on another.
func pinPlacement() (placement, error) {
	cpus, err := usableCPUs()
	if err != nil {
		return placement{}, err
	}
	return placement{client: cpus[0], proxy: cpus[1], server: cpus[1]}, nil
}

// placementFor is what a pinned workload asks for: the proxy on as many CPUs as it has loops, the load generator and the
// servers on the others, or on the first CPU where no other is left.
func placementFor(loops int, cpus []string) (placement, error) {
	loops = max(loops, 1)
	if loops > len(cpus) {
		return placement{}, fmt.Errorf("%d loops need as many CPUs; there are %d", loops, len(cpus))
	}
	others := strings.Join(cpus[:max(len(cpus)-loops, 1)], ",")
	return placement{client: others, server: others, proxy: strings.Join(cpus[len(cpus)-loops:], ",")}, nil
}

// put makes p the placement of all that start from now on, and of the servers that run.
func (b *bench) put(ctx context.Context, p placement) error {
	if p == b.procs.place {
		return nil
	}
	b.procs.place = p
	list := p.server
	if list == "" {
		cpus, err := usableCPUs()
		if err != nil {
			return err
		}
		list = strings.Join(cpus, ",")
	}
	for _, s := range b.servers {
		if out, err := exec.CommandContext(ctx, "taskset", "-acp", list, strconv.Itoa(s.pid())).CombinedOutput(); err != nil {
			return fmt.Errorf("taskset %s: %w: %s", s.name, err, out)
		}
	}
	return nil
}

// usableCPUs are those that we may use, at least two.
func usableCPUs() ([]string, error) {
	if _, err := exec.LookPath("taskset"); err != nil {
		return nil, errors.New("taskset is not in PATH (Debian: apt-get install util-linux)")
	}
	cpus, err := allowedCPUs()
	if err == nil && len(cpus) < 2 {
		err = fmt.Errorf("needs two CPUs, has %d", len(cpus))
	}
	return cpus, err
}
