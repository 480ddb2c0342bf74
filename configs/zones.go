package configs

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"cashew/topology"
)

func zoneKey(name string, to *string) key {
	return key{
		name: name, to: to, want: wantZone,
		set:  func(n *yaml.Node) string { return setZone(to, n.Value) },
		show: func() any { return orNil(*to) },
	}
}

func setZone(to *string, zone string) (reason string) {
	if len(zone) > maxZone || strings.ContainsFunc(zone, func(c rune) bool { return c <= ' ' || c > '~' || c == '=' }) {
		return "is not a valid zone"
	}
	*to = zone
	return ""
}

func (p *pool) zonesKey() key {
	return key{
		name: "zones", to: &p.Zones, want: wantZones,
		set: func(*yaml.Node) string { return "has no zones" },
		put: func(name, value *yaml.Node) string {
			z := topology.ZoneRule{Of: name.Value}
			if net, err := netip.ParsePrefix(name.Value); err == nil {
				z.Net = net.Masked()
			} else if strings.Contains(name.Value, "/") && name.Value[0] != '/' {
				return fmt.Sprintf("is of %q, which is no network", oneLine(name.Value))
			} else if _, err := netip.ParseAddr(name.Value); err != nil && strings.Contains(name.Value, ":") && !isHostPort(name.Value) {
				return fmt.Sprintf("is of %q, which is neither an address nor \"host:port\"", oneLine(name.Value))
			}
			if slices.ContainsFunc(p.Zones, func(o topology.ZoneRule) bool { return o.Of == z.Of || z.Net.IsValid() && o.Net == z.Net }) {
				return fmt.Sprintf("has %q twice", oneLine(name.Value))
			}
			reason := setZone(&z.Zone, value.Value)
			p.Zones = append(p.Zones, z)
			return reason
		},
		show: func() any {
			if len(p.Zones) == 0 {
				return nil
			}
			all := make(map[string]string)
			for _, z := range p.Zones {
				all[z.Of] = z.Zone
			}
			return all
		},
	}
}

// zoned checks that pools have a zone that go by it, once it is known whether the process has one.
func (c *checker) zoned() {
	for _, p := range c.pools {
		if !slices.Contains(p.ReadsByOp, topology.NearestZone) || p.Zone != "" || c.options.DefaultZone != "" {
			continue
		}
		wrong := Problem{Pool: p.Name, Key: "read_policy"}.because("is nearest_zone, and where the proxy is nobody says")
		wrong.Want = `"zone:" beside it, or "default_zone:" in the section "global"`
		c.report(p.given["read_policy"].name, wrong)
	}
}
