package admin

import (
	"encoding/hex"

	"github.com/prometheus/client_golang/prometheus"

	"cashew/access"
	"cashew/codec/work"
	"cashew/stats"
)

// exemplified sends h with the traces that stand for some of its times. They are in OpenMetrics alone, for whom the scraper asks.
func (c collector) exemplified(out chan<- prometheus.Metric, desc *prometheus.Desc, h *stats.Histogram, of access.Series, labels ...string) {
	var list []access.Exemplar
	if x := c.s.src.Exemplars; x != nil {
		list = x.Of(of)
	}
	if len(list) == 0 {
		collectHistogram(out, desc, h, labels...)
		return
	}
	exemplars := make([]prometheus.Exemplar, len(list))
	for i, e := range list {
		exemplars[i] = prometheus.Exemplar{
			Value: e.Took.Seconds(), Timestamp: e.At, Labels: prometheus.Labels{"trace_id": hex.EncodeToString(e.Trace[:])},
		}
	}
	metrics := make(chan prometheus.Metric, 1)
	collectHistogram(metrics, desc, h, labels...)
	select {
	case m := <-metrics:
		if with, err := prometheus.NewMetricWithExemplars(m, exemplars...); err == nil {
			m = with
		}
		out <- m
	default: // it is empty
	}
}

// collectLatency sends the times of requests to a server.
func (c collector) collectLatency(out chan<- prometheus.Metric, s *stats.Server, pool string) {
	for i := range s.Latency {
		class := work.Class(i).String()
		of := access.Series{Of: access.QueueTime, Pool: pool, Server: s.Name, Class: class}
		c.exemplified(out, descQueue, &s.Latency[i].Queue, of, label(pool), label(s.Name), class)
		of.Of = access.ServerTime
		c.exemplified(out, descServer, &s.Latency[i].Server, of, label(pool), label(s.Name), class)
	}
}
