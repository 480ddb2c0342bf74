// Package consul finds servers in Consul's catalog: the instances of a service, by their IDs. It asks by Consul's HTTP API, with blocking queries. Its own
// library would bring seventeen modules, and a newer Go than the rest needs, for this one call.
package consul

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"cashew/discovery"
	"cashew/discovery/web"
)

// waitSeconds is for how long Consul may hold an answer back until something changes.
const waitSeconds = 8

// Options say what is asked, and whom.
type Options struct {
	web.Client
	Service string
	Tag     string // only of instances with it; "": of all
	Token   string // "": none
}

type source struct{ Options }

// New is a source of the instances of a service.
func New(o Options) discovery.Source { return &source{o} }

// instance is an answer's element, as far as it is read.
type instance struct {
	Node    struct{ Address string }
	Service struct {
		ID, Address string
		Port        int
		Meta        map[string]string
		Weights     struct{ Passing int }
	}
}

// Watch implements discovery.Source.
func (s *source) Watch(ctx context.Context, tell func(lines []string, err error)) {
	defer s.Close()
	index := uint64(0)
	for failed := 0; ctx.Err() == nil; {
		lines, next, err := s.look(ctx, index)
		if ctx.Err() != nil {
			return
		}
		tell(lines, err)
		if _, nonsense := errors.AsType[*discovery.Nonsense](err); err != nil && !nonsense {
			index = 0
			discovery.Pause(ctx, discovery.Backoff(failed))
			failed++
			continue
		}
		failed = 0
		if next < index { // Consul began anew
			next = 0
		}
		index = next
		discovery.Pause(ctx, discovery.Breath)
	}
}

// look asks for all instances, once something has changed since index; 0: at once.
func (s *source) look(ctx context.Context, index uint64) (lines []string, next uint64, err error) {
	query := url.Values{"wait": {fmt.Sprint(waitSeconds, "s")}}
	if index > 0 {
		query.Set("index", strconv.FormatUint(index, 10))
	}
	if s.Tag != "" {
		query.Set("tag", s.Tag)
	}
	head := http.Header{}
	if s.Token != "" {
		head.Set("X-Consul-Token", s.Token)
	}
	var all []instance
	reply, err := s.All(ctx, http.MethodGet, "/v1/health/service/"+url.PathEscape(s.Service)+"?"+query.Encode(), head, nil, &all)
	if err != nil {
		return nil, 0, fmt.Errorf("consul: %w", err)
	}
	if next, err = strconv.ParseUint(reply.Get("X-Consul-Index"), 10, 64); err != nil || next == 0 {
		return nil, 0, fmt.Errorf("consul: an answer has the index %q", reply.Get("X-Consul-Index"))
	}
	for i := range all {
		line, err := all[i].line()
		if err != nil {
			return nil, next, &discovery.Nonsense{Err: fmt.Errorf("consul: %w", err)}
		}
		lines = append(lines, line)
	}
	return lines, next, nil
}

// line is an instance's line. Whether its checks pass does not matter: a server that fails is auto_eject_hosts's to see, and one that is gone is deregistered.
func (i *instance) line() (string, error) {
	weight := max(1, i.Service.Weights.Passing)
	if text := i.Service.Meta["cashew_weight"]; text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			return "", fmt.Errorf("%s has the cashew_weight %q", i.Service.ID, text)
		}
		weight = n
	}
	name := cmp.Or(i.Service.Meta["cashew_name"], i.Service.ID)
	return discovery.Line(name, discovery.Join(cmp.Or(i.Service.Address, i.Node.Address), i.Service.Port), weight)
}
