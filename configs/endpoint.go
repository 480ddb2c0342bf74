package configs

import (
	"net"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// movingKey is the address that clients are told to connect to before a drain.
func (p *pool) movingKey() key {
	return key{
		name: "moving_endpoint", to: &p.MovingEndpoint, want: `"host:port" that clients reach, such as a balancer's`,
		set: func(n *yaml.Node) string {
			host, port, err := net.SplitHostPort(n.Value)
			if number, notOne := strconv.Atoi(port); err != nil || host == "" || strings.ContainsAny(host, " \t") || notOne != nil || number < 1 || number > 65535 {
				return "is no \"host:port\""
			}
			if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
				return "is where one listens, and not where clients connect"
			}
			p.MovingEndpoint = n.Value
			return ""
		},
		show: func() any {
			if p.MovingEndpoint == "" {
				return nil
			}
			return p.MovingEndpoint
		},
	}
}
