//go:build unix

package compat

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"cashew/tests/certtest"
	"cashew/tests/processtest"
)

// transport is how programs reach their target:
//
//	           directly                   through cashew
//	plain      redis, memcached           cashew ------> redis, memcached
//	sealed     redis, memcached by TLS    cashew by TLS -TLS--> redis, memcached
//	certified  the same, and both ask for certificates, which tell cashew who a client is
//	tunnelled  as plain                   stunnel -TLS--> cashew ------> redis, memcached
type transport string

const (
	plain     transport = ""
	sealed    transport = "TLS"
	certified transport = "TLS with certificates"
	tunnelled transport = "stunnel" // for libraries that have no TLS
)

// overTLS are the rows that are run over TLS besides.
func overTLS(rows []row) (all []row) {
	for _, r := range rows {
		if r.tls != plain {
			r.over, r.short = r.tls, r.tlsShort
			all = append(all, r)
		}
	}
	return all
}

// keychain is what the two sides of a transport need: certificates of one authority. That of plain has none.
type keychain struct {
	over          transport
	ca            *certtest.Authority
	server, proxy *certtest.Pair // proxy is shown to clients, and to servers that ask
	client        *certtest.Pair // of the user lab
}

func newKeychain(t testing.TB, over transport) *keychain {
	t.Helper()
	k := &keychain{over: over}
	if over != plain {
		k.ca = certtest.New(t, "compat")
		k.server, k.proxy = k.ca.Issue(t, certtest.Of{Name: "server"}), k.ca.Issue(t, certtest.Of{Name: "proxy"})
		k.client = k.ca.Issue(t, certtest.Of{Name: "lab"})
	}
	return k
}

// environment is put before a program's command, and tells it that its target speaks TLS.
func (k *keychain) environment() []string {
	switch k.over {
	case sealed:
		return []string{"env", "COMPAT_TLS_CA=" + k.ca.File}
	case certified:
		return []string{
			"env", "COMPAT_TLS_CA=" + k.ca.File, "COMPAT_TLS_CERT=" + k.client.Cert, "COMPAT_TLS_KEY=" + k.client.Key,
		}
	}
	return nil
}

// settings are those of a pool. Who shows a client certificate is a user by it, and nobody else may do anything.
func (k *keychain) settings(server string) (lines []string) {
	if k.over != plain {
		lines = append(lines, "tls: on", "tls_cert_file: "+k.proxy.Cert, "tls_key_file: "+k.proxy.Key)
	}
	if k.direct() {
		lines = append(lines, "server_tls: true", "server_tls_ca_cert_file: "+k.ca.File)
	}
	if k.over != certified {
		return lines
	}
	rules := ""
	if server == "redis" {
		rules = " ~* &* +@all"
	}
	lines = append(lines, "server_tls_cert_file: "+k.proxy.Cert, "server_tls_key_file: "+k.proxy.Key)
	return append(lines, "tls_ca_cert_file: "+k.ca.File, "users:", " - default off", " - lab on"+rules+" cert=CN:lab")
}

// direct says that programs speak TLS to the server.
func (k *keychain) direct() bool { return k.over == sealed || k.over == certified }

// listener is a server, at the port that the transport leads to and at one where the test looks at it.
type listener struct{ port, inside string }

// start starts a redis-server or memcached, which speaks TLS or not.
func (k *keychain) start(t testing.TB, server string, tls bool) listener {
	t.Helper()
	if tls && server == "redis" {
		return k.startRedis(t)
	}
	if tls {
		return k.startMemcached(t)
	}
	start := startMemcached
	if server == "redis" {
		start = func(t testing.TB) string { return startRedis(t) }
	}
	port := start(t)
	return listener{port, port}
}

func (k *keychain) startRedis(t testing.TB) listener {
	t.Helper()
	out, _ := exec.Command(lookPath(t, "redis-server", "redis-server"), "--tls-session-caching", "maybe").CombinedOutput()
	if !bytes.Contains(out, []byte("argument must be 'yes' or 'no'")) { // it does not even know the setting
		missing(t, "this redis-server has no TLS: %s", out)
	}
	asks := "no"
	if k.over == certified {
		asks = "yes"
	}
	port := processtest.FreePort(t)
	return listener{port, startRedis(t, "--tls-port", port, "--tls-auth-clients", asks,
		"--tls-cert-file", k.server.Cert, "--tls-key-file", k.server.Key, "--tls-ca-cert-file", k.ca.File)}
}

func (k *keychain) startMemcached(t testing.TB) listener {
	t.Helper()
	if out, _ := exec.Command(lookPath(t, "memcached", "memcached"), "-h").CombinedOutput(); !bytes.Contains(out, []byte("--enable-ssl")) {
		missing(t, "this memcached has no TLS")
	}
	asks := "0"
	if k.over == certified {
		asks = "2"
	}
	port, inside := processtest.FreePort(t), processtest.FreePort(t)
	s := processtest.Memcached(t, "-l", "127.0.0.1:"+port+",notls:127.0.0.1:"+inside, "-Z", "-o",
		"ssl_chain_cert="+k.server.Cert+",ssl_key="+k.server.Key+",ssl_ca_cert="+k.ca.File+",ssl_verify_mode="+asks)
	s.Up(t, func() bool {
		return processtest.Listens("tcp", "127.0.0.1:"+port) && processtest.Listens("tcp", "127.0.0.1:"+inside)
	})
	return listener{port, inside}
}

// entrance is the port at which programs find a proxy that listens at another: that one, or stunnel's.
func (k *keychain) entrance(t testing.TB, to string) string {
	t.Helper()
	if k.over != tunnelled {
		return to
	}
	port := processtest.FreePort(t)
	path := filepath.Join(processtest.TempDir(t), "stunnel.conf")
	conf := fmt.Sprintf("foreground = yes\npid =\ndebug = warning\n[lab]\nclient = yes\naccept = 127.0.0.1:%s\nconnect = 127.0.0.1:%s\n"+
		"CAfile = %s\nverifyChain = yes\ncheckIP = 127.0.0.1\n", port, to, k.ca.File)
	if err := os.WriteFile(path, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	s := processtest.New(t, lookPath(t, "stunnel", "stunnel4"), path)
	s.Up(t, func() bool { return processtest.Listens("tcp", "127.0.0.1:"+port) })
	return port
}
