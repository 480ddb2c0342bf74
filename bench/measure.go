package main

import (
	"bytes"
	"context"
	"strconv"
	"time"
)

// meter is what processes have used since they started.
type meter struct {
	cpu      time.Duration // user and system
	io       int64         // system calls that read or write
	switches int64         // of their threads between CPU and not
}

func (m meter) minus(n meter) meter {
	return meter{cpu: m.cpu - n.cpu, io: m.io - n.io, switches: m.switches - n.switches}
}

// readMeter adds up the meters of processes; a nil process and a meter that the system lacks count 0.
func readMeter(ps ...*process) meter {
	var sum meter
	for _, p := range ps {
		if p == nil {
			continue
		}
		sum.cpu += cpuTime(p.pid())
		sum.io += ioCalls(p.pid())
		sum.switches += switches(p.pid())
	}
	return sum
}

// meters are what is read around the requests of one load. Nothing is read while they run.
type meters struct {
	runner         runner
	start          time.Time
	elapsed        time.Duration
	proxy, servers meter
	rss            int64

	golang     goMeter
	answering  goMeter // what one answer to readGoMeter costs itself
	knowGolang bool
}

// begin reads cashew's Go runtime twice, which shows what asking costs it, then the rest.
func (m *meters) begin(ctx context.Context) error {
	p := m.runner.proxy
	if p != nil && p.admin != "" {
		first, err := readGoMeter(ctx, p.admin)
		if err != nil {
			return err
		}
		if m.golang, err = readGoMeter(ctx, p.admin); err != nil {
			return err
		}
		m.answering, m.knowGolang = m.golang.minus(first), true
	}
	if p != nil {
		resetPeakRSS(p.pid())
	}
	m.proxy, m.servers = readMeter(p), readMeter(m.runner.servers...)
	m.start = time.Now()
	return nil
}

// end leaves in m what was used since begin.
func (m *meters) end(ctx context.Context) error {
	p := m.runner.proxy
	m.elapsed = time.Since(m.start)
	m.proxy, m.servers = readMeter(p).minus(m.proxy), readMeter(m.runner.servers...).minus(m.servers)
	if p != nil {
		m.rss = peakRSS(p.pid())
	}
	if !m.knowGolang {
		return nil
	}
	golang, err := readGoMeter(ctx, p.admin)
	m.golang = golang.minus(m.golang).minus(m.answering)
	return err
}

// fill writes the figures into s, for each of its requests.
func (m *meters) fill(s *sample) {
	n := float64(s.Requests)
	micros := func(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e3 / n }
	s.Elapsed = m.elapsed.Seconds()
	s.ProxyCPU, s.ServerCPU = micros(m.proxy.cpu), micros(m.servers.cpu)
	s.ProxyIO, s.ServerIO = float64(m.proxy.io)/n, float64(m.servers.io)/n
	s.ProxySwitches = float64(m.proxy.switches) / n
	s.PeakRSS = m.rss
	if m.knowGolang {
		s.Go = &goFigures{Mallocs: max(m.golang.mallocs, 0) / n, GCs: max(m.golang.gcs, 0), PauseMS: max(m.golang.paused, 0) * 1e3}
	}
}

// parseProcNumber finds "name: 123 ..." in a file like /proc/PID/status or /proc/PID/io.
func parseProcNumber(text []byte, name string) (int64, bool) {
	for line := range bytes.Lines(text) {
		rest, ok := bytes.CutPrefix(line, []byte(name+":"))
		if !ok {
			continue
		}
		f := bytes.Fields(rest)
		if len(f) == 0 {
			return 0, false
		}
		n, err := strconv.ParseInt(string(f[0]), 10, 64)
		return n, err == nil
	}
	return 0, false
}
