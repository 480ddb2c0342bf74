package configs

import (
	"math"
	"net"
	"net/netip"
	"strings"

	"gopkg.in/yaml.v3"

	"cashew/engine"
)

func adminKey(o *engine.Options) key {
	return key{
		name: "admin", to: &o.Admin, want: `"host:port", "/path", or "off"`,
		set: func(n *yaml.Node) string {
			if n.Value == "off" {
				o.Admin = ""
				return ""
			}
			if !strings.HasPrefix(n.Value, "/") && !isAdminAddr(n.Value) {
				return "is not an address"
			}
			o.Admin = n.Value
			return ""
		},
		show: func() any {
			if o.Admin == "" {
				return "off"
			}
			return o.Admin
		},
	}
}

// isAdminAddr says whether s is host and port; an IPv6 address has brackets. 0 lets the kernel choose the port.
func isAdminAddr(s string) bool {
	_, port, err := net.SplitHostPort(s)
	n, ok := parsePlain(port)
	return err == nil && ok && n <= math.MaxUint16
}

// secretKey is a text that is shown masked.
func secretKey(name string, to *string, want string) key {
	return key{
		name: name, to: to, want: want,
		set: func(n *yaml.Node) (reason string) {
			*to, reason = lineOf(n.Value)
			return reason
		},
		show: func() any {
			if *to == "" {
				return nil
			}
			return masked
		},
	}
}

// fileKey is the path of a file, which is not looked at here: another machine may check what this one will run.
func fileKey(name string, to *string) key { return textKey(name, "the path of a file", to) }

// admin checks our own settings of the admin pages together. given are those that the section has.
func (c *checker) admin(given map[string]given) {
	at := func(key string) Problem { return Problem{Key: globalSection + "." + key} }
	for _, k := range []struct{ has, wants string }{
		{"admin_tls_cert_file", "admin_tls_key_file"}, {"admin_tls_key_file", "admin_tls_cert_file"},
	} {
		if _, ok := given[k.wants]; !ok && given[k.has].ok {
			c.report(given[k.has].name, at(k.has).because("needs %s beside it", k.wants))
		}
	}
	if given["admin_token"].ok && given["admin_token_file"].ok {
		c.report(given["admin_token_file"].name, at("admin_token_file").because("stands beside admin_token: there is one token"))
	}
	if _, ok := given["admin_token"]; ok {
		return
	}
	if _, ok := given["admin_token_file"]; !ok && given["admin"].ok && isOpen(c.options.Admin) {
		c.warn(given["admin"].value, at("admin").because("can be reached from other machines, and asks for no token: admin_token, or admin_token_file, has it ask"))
	}
}

// isOpen says whether an admin address is one that other machines may reach.
func isOpen(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	if err != nil || strings.HasPrefix(addr, "/") || host == "localhost" {
		return false
	}
	a, err := netip.ParseAddr(host)
	return err != nil || !a.IsLoopback()
}
