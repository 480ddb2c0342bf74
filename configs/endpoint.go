package configs

import (
	"fmt"
	"net"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"cashew/tlsconn"
)

// movingKey is the address that clients are told to connect to before a drain.
func (p *pool) movingKey() key {
	return key{
		name: "moving_endpoint", to: &p.MovingEndpoint, want: `"host:port" that clients reach, such as a balancer's`,
		set: func(n *yaml.Node) string {
			reason := checkEndpoint(n.Value)
			if reason == "" {
				p.MovingEndpoint = n.Value
			}
			return reason
		},
		show: func() any {
			if p.MovingEndpoint == "" {
				return nil
			}
			return p.MovingEndpoint
		},
	}
}

// checkEndpoint says why s is no address that clients could be told.
func checkEndpoint(s string) (reason string) {
	host, port, err := net.SplitHostPort(s)
	if number, notOne := strconv.Atoi(port); err != nil || host == "" || strings.ContainsAny(host, " \t") || notOne != nil || strconv.Itoa(number) != port || number < 1 || number > 65535 {
		return "is no \"host:port\""
	}
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		return "is where one listens, and not where clients connect"
	}
	return ""
}

// maxAnnounced is how many proxies clients are told of at most: each answer has them all.
const maxAnnounced = 1000

// announceKey is of which proxies clients of a cluster are told that it is made.
func (p *pool) announceKey() key {
	return key{
		name: "cluster_announce", to: &p.announce, isWords: true,
		want: `"host:port" that clients reach, such as a balancer's, or those of several proxies with blanks between them`,
		set: func(n *yaml.Node) string {
			reason := checkEndpoint(n.Value)
			switch {
			case reason != "":
				return reason
			case p.again("cluster_announce", n.Value):
				return "is there twice"
			case len(p.announce) == maxAnnounced:
				return fmt.Sprintf("is one too many: clients are told of %d proxies at most", maxAnnounced)
			}
			p.announce = append(p.announce, n.Value)
			return ""
		},
		show: func() any { return orNil(strings.Join(p.announce, " ")) },
	}
}

// portNames is what clients of a cluster are told that their ports are.
func (p *pool) portNames() []string {
	switch p.TLS {
	case tlsconn.On:
		return []string{"tls-port"}
	case tlsconn.Optional:
		return []string{"port", "tls-port"}
	}
	return nil
}
