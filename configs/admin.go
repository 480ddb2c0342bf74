package configs

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"

	"gopkg.in/yaml.v3"

	"cashew/engine"
	"cashew/regular"
	"cashew/tlsconn"
)

func adminKey(o *engine.Options) key {
	return key{
		name: "admin", to: &o.Admin, want: `"host:port", "/path", or "off"`,
		set: func(n *yaml.Node) string {
			if n.Value == "off" {
				o.Admin = ""
				return ""
			}
			switch {
			case strings.HasPrefix(n.Value, "/") || isAdminAddr(n.Value):
			case strings.Contains(n.Value, "://"):
				return "is not an address: a scheme does not belong to it"
			case strings.Count(n.Value, ":") > 1 && !strings.HasPrefix(n.Value, "["):
				return `is not an address: one of IPv6 has brackets here, and quotes around them, "[::1]:22223"`
			default:
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

// balanceKeys are about what those are told who send us clients, and how we leave them.
func balanceKeys(o *engine.Options) []key {
	return []key{
		namedKey("ready", &o.ReadyNeedsPools, map[string]bool{"serving": false, "pools": true}, "is not what it may mean to be ready"),
		upToKey(msecKey("drain_delay", &o.DrainDelay), maxDelay),
		msecKey("drain_timeout", &o.DrainTimeout),
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
		name: name, to: to, want: want, isSecret: true,
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

// pathKey is the path of a file. What can't be one may be what the file should have: no mistake repeats it.
func pathKey(name, want string, to *string) key {
	return key{
		name: name, to: to, want: want, isSecret: true,
		set: func(n *yaml.Node) (reason string) {
			*to, reason = pathOf(n.Value)
			return reason
		},
		show: func() any { return orNil(*to) },
	}
}

// maxPath and maxFileName are what a system takes at most.
const maxPath, maxFileName = 4095, 255

// pathOf is a value that is a path.
func pathOf(value string) (path, reason string) {
	if path, reason = lineOf(value); reason != "" {
		return "", reason
	}
	long := len(path) > maxPath
	for name := range strings.SplitSeq(path, "/") {
		long = long || len(name) > maxFileName
	}
	switch {
	case strings.Contains(path, pemBegins):
		return "", "is what a file has, and not the path of one"
	case long:
		return "", "is too long for a path"
	}
	return path, ""
}

// AdminPages reads where a file has the admin pages, and what has to do with these, whatever mistakes there are elsewhere in it. Nothing is
// resolved.
func AdminPages(path string) (engine.Options, error) {
	data, err := regular.Read(path, maxFile)
	if err != nil {
		p := Problem{File: path, err: err}
		return engine.Options{}, Problems{p.because("failed to open configuration '%s': %v", oneLine(path), pathless(err))}
	}
	nowhere := func(string) (netip.Addr, error) { return netip.IPv4Unspecified(), nil }
	c := &checker{file: path, text: newText(data), lookup: nowhere, acls: make(aclFiles), again: true, options: engine.DefaultOptions()}
	c.document()
	mine := slices.DeleteFunc(c.problems, func(p Problem) bool {
		return c.isRead && !strings.HasPrefix(p.Key, globalSection+".admin")
	})
	if len(mine) > 0 {
		return engine.Options{}, mine
	}
	return c.options, nil
}

// FileID tells one file from another, whichever path leads to it; "" if there is none. It is another one once the file was replaced.
func FileID(path string) string {
	fi, err := os.Stat(path)
	if err != nil {
		return ""
	}
	s, ok := fi.Sys().(*syscall.Stat_t)
	if !ok {
		return ""
	}
	return fmt.Sprintf("%x-%x", s.Dev, s.Ino)
}

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

// adminFiles checks the files of the admin pages as a start reads them, and warns of what is no mistake in them.
func (c *checker) adminFiles(given map[string]given) {
	if c.again {
		return
	}
	at := func(key string) Problem { return Problem{Key: globalSection + "." + key} }
	if g := given["admin_token_file"]; g.ok {
		if _, err := regular.Line(g.value.Value, engine.MaxAdminToken); err != nil {
			wrong := at("admin_token_file").because("has no token: %v", reasonOf(err))
			if isPath(g.value.Value) { // or it may be the token
				wrong.Value = g.value.Value
			}
			c.report(g.value, wrong)
		}
	}
	for _, key := range []string{"admin_token_file", "admin_tls_key_file"} {
		c.openKey(given[key], at(key))
	}
	if cert, key := given["admin_tls_cert_file"], given["admin_tls_key_file"]; cert.ok && key.ok {
		c.pair(cert, key, at("admin_tls_cert_file"), at("admin_tls_key_file"))
	}
}

// pair checks that a certificate and its key belong together, as who shows it reads them, and warns of what ends.
func (c *checker) pair(cert, key given, atCert, atKey Problem) {
	g, wrong := cert, atCert
	_, err := tlsconn.LoadPair(cert.value.Value, key.value.Value)
	if err == nil {
		c.ending(cert, atCert, false)
		return
	}
	of, isFile := errors.AsType[*fs.PathError](err)
	if isFile && of.Path == key.value.Value && of.Path != cert.value.Value {
		g, wrong = key, atKey
	}
	why, with := strings.TrimPrefix(reasonOf(err).Error(), "tls: "), ""
	if !isFile {
		with = " with key " + key.value.Value
	}
	wrong = wrong.because("can't be used%s: %s", withoutSigned(with), withoutSigned(why))
	wrong.Value, wrong.Want = g.value.Value, "files that belong together, in PEM"
	c.report(g.value, wrong)
}

// ending warns of a file's certificates that are good no more, or not for long; ca says that they are of who signs.
func (c *checker) ending(g given, at Problem, ca bool) {
	if why := tlsconn.DoubtOf(g.value.Value, ca, time.Now()); why != "" {
		at.Value, at.Reason = g.value.Value, why
		c.warn(g.value, at)
	}
}

// maxDelay is how long a process may go on accepting that was told to end, in milliseconds.
const maxDelay = 3_600_000

// upToKey has k take a number up to most.
func upToKey(k key, most int64) key {
	set := k.set
	k.want = fmt.Sprintf("milliseconds, digits only, at most %d", most)
	k.set = func(n *yaml.Node) string {
		if v, ok := parseNumber(n.Value); ok && int64(v) > most {
			return "is too long"
		}
		return set(n)
	}
	return k
}
