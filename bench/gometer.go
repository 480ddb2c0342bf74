package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// goMeter is what a process's Go runtime has done since it started.
type goMeter struct {
	mallocs float64 // objects allocated on the heap
	gcs     float64 // collections
	paused  float64 // seconds in which they stopped all goroutines
}

func (m goMeter) minus(n goMeter) goMeter {
	return goMeter{m.mallocs - n.mallocs, m.gcs - n.gcs, m.paused - n.paused}
}

// readGoMeter asks cashew's admin address. Answering allocates, too: see runner.measure.
func readGoMeter(ctx context.Context, admin string) (goMeter, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+admin+"/metrics", nil)
	if err != nil {
		return goMeter{}, err
	}
	req.Header.Set("Accept-Encoding", "identity") // compressing takes a megabyte of the memory that is measured
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return goMeter{}, err
	}
	defer closeQuietly(resp.Body)
	if resp.StatusCode != http.StatusOK {
		return goMeter{}, fmt.Errorf("%s: %s", req.URL, resp.Status)
	}
	return parseGoMeter(resp.Body)
}

// parseGoMeter finds its three figures in the text format of Prometheus, where they have no labels.
func parseGoMeter(r io.Reader) (goMeter, error) {
	var m goMeter
	into := map[string]*float64{
		"go_memstats_mallocs_total": &m.mallocs, "go_gc_duration_seconds_count": &m.gcs, "go_gc_duration_seconds_sum": &m.paused,
	}
	sc := bufio.NewScanner(r)
	for sc.Scan() {
		name, value, _ := strings.Cut(sc.Text(), " ")
		p := into[name]
		if p == nil {
			continue
		}
		var err error
		if *p, err = strconv.ParseFloat(value, 64); err != nil {
			return m, fmt.Errorf("metric %s: %w", name, err)
		}
		delete(into, name)
	}
	for name := range into {
		return m, fmt.Errorf("no metric %s", name)
	}
	return m, sc.Err()
}
