// Package kubernetes finds servers among the EndpointSlices of a service, by the names of their pods, which those of a StatefulSet keep. It asks by
// the HTTP API: a list, and a watch from where that stood. Kubernetes's own client makes the program 21 MB larger.
package kubernetes

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"cashew/discovery"
	"cashew/discovery/web"
	"cashew/regular"
)

// What a pod is given of the API server.
const (
	account   = "/var/run/secrets/kubernetes.io/serviceaccount/"
	maxToken  = 64 << 10
	watchTime = 5 * time.Minute // for so long changes are waited for before all is read again
)

// Options say what is asked, and whom.
type Options struct {
	web.Client
	Namespace, Service string
	Port               string // of the endpoints, by name or number
	Token              string // "": that of TokenFile
	TokenFile          string // is read with each request; "": none
}

type source struct{ Options }

// New is a source of the endpoints of a service.
func New(o Options) discovery.Source { return &source{o} }

// InCluster is New for a pod, which is told where the API server is, and as whom it asks.
func InCluster(o Options) (discovery.Source, error) {
	host, port := os.Getenv("KUBERNETES_SERVICE_HOST"), os.Getenv("KUBERNETES_SERVICE_PORT")
	if host == "" || port == "" {
		return nil, errors.New("kubernetes: this is no pod: KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set; discovery_from says who is asked")
	}
	o.Client = web.Client{From: []string{net.JoinHostPort(host, port)}, TLS: &web.TLS{CAFile: account + "ca.crt"}}
	o.TokenFile = account + "token"
	return New(o), nil
}

// slice is an EndpointSlice, as far as it is read.
type slice struct {
	Endpoints []endpoint
	Ports     []struct {
		Name string
		Port int
	}
}

type endpoint struct {
	Addresses  []string
	Hostname   string
	TargetRef  struct{ Name string }
	Conditions struct {
		Ready       *bool // nil: it is
		Terminating bool
	}
}

// Watch reads all slices, and again each time that one of them has changed.
func (s *source) Watch(ctx context.Context, tell func(lines []string, err error)) {
	defer s.Close()
	version := ""
	discovery.Rounds(ctx, tell, func(ctx context.Context) (lines []string, err error) {
		lines, version, err = s.read(ctx)
		return lines, err
	}, func(ctx context.Context) error { return s.await(ctx, version) })
}

// path is that of the service's slices, with more to ask.
func (s *source) path(more url.Values) string {
	more.Set("labelSelector", "kubernetes.io/service-name="+s.Service)
	return "/apis/discovery.k8s.io/v1/namespaces/" + url.PathEscape(s.Namespace) + "/endpointslices?" + more.Encode()
}

func (s *source) login() (http.Header, error) {
	token := s.Token
	if token == "" && s.TokenFile != "" {
		text, err := regular.Read(s.TokenFile, maxToken)
		if err != nil {
			return nil, fmt.Errorf("kubernetes: %w", err)
		}
		token = strings.TrimSpace(string(text))
	}
	h := http.Header{"Accept": {"application/json"}}
	if token != "" {
		h.Set("Authorization", "Bearer "+token)
	}
	return h, nil
}

// read reads all servers, at a version.
func (s *source) read(ctx context.Context) (lines []string, version string, err error) {
	head, err := s.login()
	if err != nil {
		return nil, "", err
	}
	var list struct {
		Metadata struct{ ResourceVersion string }
		Items    []slice
	}
	if _, err := s.All(ctx, http.MethodGet, s.path(url.Values{}), head, nil, &list); err != nil {
		return nil, "", fmt.Errorf("kubernetes: %w", err)
	}
	if lines, err = s.lines(list.Items); err != nil {
		err = &discovery.Nonsense{Err: fmt.Errorf("kubernetes: %w", err)}
	}
	return lines, list.Metadata.ResourceVersion, err
}

// lines are the servers of all slices. A pod may be in several, as one for each family of addresses, and, while a pod of a StatefulSet makes room
// for the next, twice by one name: the one that does not end counts, then the one that is ready, then the first by its address. One that is not ready is a server all the same,
// since a restart is no reason to move keys.
func (s *source) lines(all []slice) (lines []string, err error) {
	best := make(map[string]place)
	for i := range all {
		port, ok := all[i].port(s.Port)
		for _, e := range all[i].Endpoints {
			if len(e.Addresses) == 0 {
				continue
			}
			if !ok {
				return nil, fmt.Errorf("the service has no port %q", s.Port)
			}
			name := cmp.Or(e.Hostname, e.TargetRef.Name)
			p := place{ends: e.Conditions.Terminating, waits: e.Conditions.Ready != nil && !*e.Conditions.Ready, addr: discovery.Join(e.Addresses[0], port)}
			if was, known := best[cmp.Or(name, p.addr)]; !known || p.before(was) {
				best[cmp.Or(name, p.addr)] = p
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(best)) {
		line, err := discovery.Line(name, best[name].addr, 1)
		if err != nil {
			return nil, err
		}
		lines = append(lines, line)
	}
	return lines, nil
}

// place is where a name is.
type place struct {
	ends, waits bool
	addr        string
}

func (p place) before(q place) bool {
	switch {
	case p.ends != q.ends:
		return q.ends
	case p.waits != q.waits:
		return q.waits
	}
	return p.addr < q.addr
}

// port finds a port of a slice by name or number.
func (sl *slice) port(text string) (port int, ok bool) {
	number, _ := strconv.Atoi(text)
	for _, p := range sl.Ports {
		if p.Name == text || p.Port == number && number != 0 {
			return p.Port, true
		}
	}
	return 0, false
}

// await waits until a slice changes from a version on, or all is to be read again.
func (s *source) await(ctx context.Context, version string) error {
	head, err := s.login()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, watchTime)
	defer cancel()
	query := url.Values{"watch": {"1"}, "resourceVersion": {version}, "timeoutSeconds": {fmt.Sprint(int(watchTime.Seconds()) - 1)}}
	answer, err := s.Ask(ctx, http.MethodGet, s.path(query), head, nil)
	if err != nil {
		return fmt.Errorf("kubernetes: %w", err)
	}
	defer answer.Body.Close() //nolint:errcheck // it is read no further
	for d := json.NewDecoder(answer.Body); ; {
		var event struct {
			Type   string
			Object struct {
				Code    int
				Message string
			}
		}
		switch err := d.Decode(&event); {
		case ctx.Err() != nil: // its time was up
			return nil
		case errors.Is(err, io.EOF): // so it was, by the server's clock, unless that was soon
			return errors.New("kubernetes: the watch ended")
		case err != nil:
			return err
		case event.Type == "ERROR":
			return fmt.Errorf("kubernetes: %d %s", event.Object.Code, event.Object.Message)
		case event.Type != "BOOKMARK":
			return nil
		}
	}
}
