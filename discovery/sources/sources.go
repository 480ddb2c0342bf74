// Package sources has all kinds of sources by the names that configurations give them.
package sources

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"strings"

	"cashew/configs"
	"cashew/discovery"
	"cashew/discovery/consul"
	"cashew/discovery/dns"
	"cashew/discovery/etcd"
	"cashew/discovery/file"
	"cashew/discovery/kubernetes"
	"cashew/discovery/web"
	"cashew/topology"
)

// New makes the source that a pool's settings name.
func New(o *topology.DiscoveryOptions) (discovery.Source, error) {
	kind, what, _ := strings.Cut(o.Discovery, " ")
	switch kind {
	case "file":
		return file.New(what), nil
	case "dns":
		return dns.Addresses(what, withPort(o.DiscoveryFrom, "53"))
	case "srv":
		return dns.Services(what, withPort(o.DiscoveryFrom, "53")), nil
	case "etcd":
		return etcd.New(etcd.Options{
			Client: client(o, "127.0.0.1:2379"), Prefix: what, Username: o.DiscoveryUsername, Password: o.DiscoveryPassword,
		}), nil
	case "consul":
		service, tag, _ := strings.Cut(what, " ")
		return consul.New(consul.Options{Client: client(o, "127.0.0.1:8500"), Service: service, Tag: strings.TrimSpace(tag), Token: o.DiscoveryToken}), nil
	case "kubernetes":
		return newKubernetes(o, what)
	}
	return nil, fmt.Errorf("discovery: servers can't be looked for in %q", kind)
}

// newKubernetes is for what a configuration has as "namespace/service:port".
func newKubernetes(o *topology.DiscoveryOptions, what string) (discovery.Source, error) {
	namespace, rest, _ := strings.Cut(what, "/")
	service, port, _ := strings.Cut(rest, ":")
	k := kubernetes.Options{Namespace: namespace, Service: service, Port: port, Token: o.DiscoveryToken}
	if len(o.DiscoveryFrom) > 0 {
		k.Client = client(o, "127.0.0.1:443")
		return kubernetes.New(k), nil
	}
	return kubernetes.InCluster(k)
}

// client asks those whom o names, or who is there if it names nobody.
func client(o *topology.DiscoveryOptions, usual string) web.Client {
	_, port, _ := net.SplitHostPort(usual)
	c := web.Client{From: withPort(o.DiscoveryFrom, port)}
	if len(c.From) == 0 {
		c.From = []string{usual}
	}
	if o.DiscoveryTLS {
		c.TLS = &web.TLS{CAFile: o.DiscoveryTLSCACertFile, CertFile: o.DiscoveryTLSCertFile, KeyFile: o.DiscoveryTLSKeyFile, Name: o.DiscoveryTLSName}
	}
	return c
}

// withPort are addresses, each with a port: this one if it has none.
func withPort(addrs []string, port string) (all []string) {
	for _, a := range addrs {
		if _, _, err := net.SplitHostPort(a); err != nil {
			a = net.JoinHostPort(strings.Trim(a, "[]"), port)
		}
		all = append(all, a)
	}
	return all
}

// Follow begins to look for the servers of a pool. given is what another had in force; nil: nothing.
func Follow(o *topology.Options, given *discovery.Kept, log *slog.Logger) (*discovery.Follower, error) {
	source, err := New(&o.DiscoveryOptions)
	if err != nil {
		return nil, err
	}
	return discovery.Follow(discovery.Config{
		Pool: o, Source: source, Parse: configs.ParseServers, Lines: configs.ServerLines, Log: log, Given: given,
	}), nil
}

// Find is what a proxy that starts now would begin with; instead says why that is not what who is asked tells, and whose it is; "": it is. It writes
// no file.
func Find(o *topology.Options) (servers []topology.ServerOptions, instead string, err error) {
	f, err := Follow(o, nil, slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, "", err
	}
	defer f.Stop()
	servers = f.Await(context.Background())
	return servers, f.Instead(), nil
}
