package configs

import (
	"maps"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"cashew/codec/resp"
)

// credentials are what a Redis pool lets clients in with, and logs in to its servers with.
type credentials struct {
	auth           secret // redis_auth: clients give it, and servers get it where nothing else is said
	user, password secret // what servers get
	serverAuth     []serverAuth

	sentinelUser, sentinelPassword secret // what sentinels get

	logins map[string]resp.Login // of serverAuth, by the servers' names; nil: none

	shown       map[string]any // what Effective shows of these keys
	secretFiles []secretFile
}

// serverAuth is a line of server_auth.
type serverAuth struct {
	at     *yaml.Node
	server string // by name, or by address
	login  resp.Login
}

const (
	wantPassword = "a password"
	wantAuth     = `"server user file:PATH", "server user env:NAME" or "server user >password", where server is a name or an address of servers`
)

// credentialKeys are the keys of what servers get; redis_auth's are apart.
func (p *pool) credentialKeys() []key {
	keys := slices.Concat(
		p.secretKeys("server_username", "a user", &p.user, true),
		p.secretKeys("server_password", wantPassword, &p.password, false),
		[]key{p.serverAuthKey()},
	)
	for i := range keys {
		keys[i] = p.onlyRedis(true, keys[i])
	}
	return keys
}

func (p *pool) serverAuthKey() key {
	return key{
		name: "server_auth", to: &p.serverAuth, isList: true, isSecret: true, want: wantAuth,
		set: func(n *yaml.Node) string {
			a, shown, reason := p.parseServerAuth(n)
			if reason != "" {
				return reason
			}
			p.serverAuth = append(p.serverAuth, a)
			list, _ := p.shown["server_auth"].([]string)
			p.shown["server_auth"] = append(list, shown)
			return ""
		},
		show: func() any { return p.shown["server_auth"] },
	}
}

// parseServerAuth reads "server user file:PATH" and its kin. shown is the line without a secret.
func (p *pool) parseServerAuth(n *yaml.Node) (a serverAuth, shown, reason string) {
	line, reason := lineOf(n.Value)
	if reason != "" {
		return a, "", reason
	}
	server, rest, ok := strings.Cut(line, " ")
	user, what, ok2 := strings.Cut(strings.TrimLeft(rest, " "), " ")
	what = strings.TrimLeft(what, " ")
	if !ok || !ok2 || what == "" {
		return a, "", "is not a server, a user and a password"
	}
	a = serverAuth{at: n, server: server, login: resp.Login{User: user}}
	shown = server + " " + user + " " + what
	switch path, isFile := strings.CutPrefix(what, "file:"); {
	case isFile:
		a.login.Password, reason = p.readSecret(path)
	case strings.HasPrefix(what, "env:"):
		a.login.Password, reason = fromEnv(what[len("env:"):])
	case len(what) > 1 && what[0] == '>':
		a.login.Password, shown = what[1:], server+" "+user+" >"+masked
	default:
		reason = "does not say where the password is"
	}
	return a, shown, reason
}

// credentials checks a pool's credentials together, and finds the servers that have their own.
func (c *checker) credentials(p *pool) {
	for _, name := range []string{"redis_auth", "server_username", "server_password"} {
		c.once(p, name)
	}
	at := func(key string) Problem { return Problem{Pool: p.Name, Key: key} }
	if redis, ok := p.given["redis"]; !ok || redis.ok && !p.redis {
		for _, key := range slices.Concat(waysOf("redis_auth")[1:], keyNames(p.credentialKeys())) {
			if n, ok := p.value(key); ok {
				wrong := at(key).because(`directive "%s:" is only valid for a redis pool`, key)
				wrong.Want = `"redis: true" beside it`
				c.report(n, wrong)
			}
		}
		return
	}
	if g, key := p.firstOf("server_username"); key != "" {
		if _, password := p.firstOf("server_password"); password == "" {
			if _, auth := p.firstOf("redis_auth"); auth == "" {
				wrong := at(key).because("has no password")
				wrong.Want = "server_password, server_password_file or server_password_env beside it"
				c.report(g.value, wrong)
			}
		}
		if g.ok && strings.ContainsAny(p.user.text, " \t") {
			c.report(g.value, at(key).because("is a user with a space in it"))
		}
	}
	c.serverLogins(p)
	c.openSecrets(p)
}

// waysOf are the keys that a text may come by.
func waysOf(name string) []string { return []string{name, name + "_file", name + "_env"} }

// firstOf is the first of a text's keys that was given, "" for none.
func (p *pool) firstOf(name string) (g given, key string) {
	for _, key := range waysOf(name) {
		if g, ok := p.given[key]; ok {
			return g, key
		}
	}
	return given{}, ""
}

// once reports a text that comes more than one way.
func (c *checker) once(p *pool, name string) {
	_, first := p.firstOf(name)
	for _, key := range waysOf(name) {
		if g, ok := p.given[key]; ok && key != first {
			c.report(g.name, Problem{Pool: p.Name, Key: key}.because("is given by %s already", first))
		}
	}
}

// serverLogins finds the servers of server_auth.
func (c *checker) serverLogins(p *pool) {
	if len(p.serverAuth) == 0 || !p.given["servers"].ok && p.Discovery == "" {
		return
	}
	names := make(map[string][]string) // of servers, by name and by address
	for i := range p.Servers {
		s := &p.Servers[i]
		names[s.Name] = append(names[s.Name], s.Name)
		if addr, _, _ := cutLast(s.PName, ':'); addr != s.Name {
			names[addr] = append(names[addr], s.Name) // or what sentinels call it
		}
	}
	known := slices.Sorted(maps.Keys(names))
	p.logins = make(map[string]resp.Login, len(p.serverAuth))
	for _, a := range p.serverAuth {
		at := Problem{Pool: p.Name, Key: "server_auth", Value: a.server}
		if names[a.server] == nil && p.Discovery != "" {
			names[a.server] = []string{a.server} // of one that may be discovered, by name
		}
		if names[a.server] == nil {
			at.Meant = c.nearest(a.server, known)
			c.report(a.at, at.because("is no server of the pool"))
			continue
		}
		for _, name := range names[a.server] {
			if _, ok := p.logins[name]; ok {
				c.report(a.at, at.because("is there twice"))
				break
			}
			p.logins[name] = a.login
		}
	}
}

// withoutSecret is a key that is unknown, without what may be a secret in it, as in "redis_auth=secret:", or a line of users that stands where a
// key is expected.
func withoutSecret(name string, keys []key) string {
	for _, k := range keys {
		if rest, ok := strings.CutPrefix(name, k.name); ok && k.isSecret && len(rest) > 2 && rest[0] != '_' {
			return k.name + "..."
		}
	}
	if i := strings.IndexAny(name, " \t\r\n|\\=<>#!:(&*~%+@\"'"); i >= 0 && name != "<<" {
		return name[:i+1] + "..."
	}
	return name
}
