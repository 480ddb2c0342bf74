package main

import (
	"bytes"
	"fmt"
	"os"
	"strings"
)

// README.md and docs/performance.md show figures of a result that git keeps. They stand between two lines, and are written anew by -pages:
//
//	<!-- bench: summary -->
//	...
//	<!-- bench: end -->
var pages = []string{"README.md", "docs/performance.md"}

const (
	pageBegin = "<!-- bench: "
	pageEnd   = "<!-- bench: end -->\n"
)

// sections are what may stand there.
var sections = map[string]func(r *result, b *strings.Builder){
	"summary": (*result).writeSummary,
	"near":    (*result).writeNear,
	"goals":   (*result).writeGoalTable,
}

// writePages has the pages below dir show what is in r.
func (r *result) writePages(dir string) error {
	for _, name := range pages {
		file := dir + "/" + name
		old, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		page, err := r.page(old)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if bytes.Equal(page, old) {
			continue
		}
		if err := os.WriteFile(file, page, 0o644); err != nil { //nolint:gosec // it is for all to read
			return err
		}
	}
	return nil
}

// page is an old page with what r has between its lines.
func (r *result) page(old []byte) ([]byte, error) {
	var b strings.Builder
	rest := string(old)
	for {
		before, section, found := strings.Cut(rest, pageBegin)
		b.WriteString(before)
		if !found {
			return []byte(b.String()), nil
		}
		name, behind, _ := strings.Cut(section, " -->\n")
		write := sections[name]
		shown, behind, ended := strings.Cut(behind, pageEnd)
		if write == nil || !ended || strings.Contains(shown, pageBegin) {
			return nil, fmt.Errorf("%s%s: no such section, or it has no end", pageBegin, name)
		}
		b.WriteString(pageBegin + name + " -->\n")
		write(r, &b)
		b.WriteString(pageEnd)
		rest = behind
	}
}

// summary is what the README shows, in its words.
var summary = []struct{ about, workload string }{
	{"100 clients, no pipelining, 1 KiB, SET / GET", "p1-1k"},
	{"the same over 4 servers", "p1-1k-4s"},
	{"2,000 clients, SET / GET", "p1-1k-c2000"},
	{"50 clients, 16 pipelined, 64 B, SET / GET", "p16-64"},
	{"the same, 128 pipelined", "p128-64"},
	{"MGET of 10 keys over 4 servers, 50 clients", "mget10-4s"},
	{"MGET of 100 keys", "mget100-4s"},
	{"64 KiB, SET / GET", "p1-64k"},
	{"1 MiB, SET / GET", "p1-1m"},
	{"memcached, 100 clients, no pipelining, 1 KiB, set / get", "mc-p1-1k"},
	{"memcached, 50 clients, 16 pipelined, 64 B, set / get", "mc-p16-64"},
	{"memcached, get of 100 keys over 4 servers", "mc-get100-4s"},
}

// writeSummary compares cashew with nutcracker and with no proxy.
func (r *result) writeSummary(b *strings.Builder) {
	b.WriteString(r.when() + "\n\n| workload | proxy CPU a request, × nutcracker | throughput × nutcracker | × direct |\n|---|--:|--:|--:|\n")
	for _, s := range summary {
		r.writeRow(b, s.about, s.workload, []bar{cpu(nutcracker, 0), throughput(nutcracker, 0), throughput(direct, 0)})
	}
}

// nearby is what the README shows of replies that are kept near.
var nearby = []struct{ about, workload string }{
	{"one hot key of 1 KiB, 100 clients, no pipelining", "near-hot-p1-1k"},
	{"the same, 16 pipelined", "near-hot-p16-1k"},
	{"one hot hash of 100 fields, HGETALL, no pipelining", "near-hash-p1"},
	{"the same, 16 pipelined", "near-hash-p16"},
	{"10⁶ keys by Zipf's law, 1 % writes, a tenth of them kept, no pipelining", "near-zipf-p1-64"},
	{"the same, 16 pipelined", "near-zipf-p16-64"},
	{"with 10 % writes, no pipelining", "near-zipf-w10-p1-64"},
	{"the same, 16 pipelined", "near-zipf-w10-p16-64"},
}

// writeNear compares what is kept near with no proxy.
func (r *result) writeNear(b *strings.Builder) {
	b.WriteString("| with `near_cache` | throughput × direct | servers' CPU a request, × direct |\n|---|--:|--:|\n")
	for _, s := range nearby {
		r.writeRow(b, s.about, s.workload, []bar{throughput(direct, 0), servers(0)})
	}
}

// writeRow writes the figures of a workload's tests, one behind the other, if there are any.
func (r *result) writeRow(b *strings.Builder, about, workload string, bars []bar) {
	line, any := "| "+about+" |", false
	for _, bar := range bars {
		var cells []string
		for _, w := range r.Workloads {
			if w.Name != workload {
				continue
			}
			for _, test := range w.Tests {
				s := spreadOf(bar.of(row{r, workload, test, cashew}))
				any = any || s.n > 0
				cells = append(cells, s.short())
			}
		}
		line += " " + strings.Join(cells, " / ") + " |"
	}
	if any {
		b.WriteString(line + "\n")
	}
}

// short is String without the least and the greatest.
func (s spread) short() string {
	if s.n > 0 && s.n < manyRounds {
		return fmt.Sprintf("%.2f", s.middle)
	}
	return s.String()
}

// when says what the figures are, and of what.
func (r *result) when() string {
	return fmt.Sprintf("%s%s, %s, %d CPUs that load generator, proxy and servers share, one event loop, %s with `-v 4`; %s.",
		r.rounds(), r.Started.Format("2 January 2006"), r.System, r.CPUs, r.Versions[nutcracker], "redis-server "+r.Versions["redis-server"])
}
