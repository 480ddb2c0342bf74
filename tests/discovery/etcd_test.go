//go:build unix

package discovery

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"testing"

	"cashew/tests/processtest"
)

// etcd is a real one.
type etcd struct {
	*processtest.Process
	addr  string
	token string
}

func startEtcd(t *testing.T) *etcd {
	t.Helper()
	e := &etcd{addr: "127.0.0.1:" + processtest.FreePort(t)}
	peer := "http://127.0.0.1:" + processtest.FreePort(t)
	e.Process = processtest.New(t, processtest.LookPath(t, "etcd"), "--data-dir", processtest.TempDir(t), "--logger", "zap", "--log-level", "error", "--unsafe-no-fsync",
		"--listen-client-urls", "http://"+e.addr, "--advertise-client-urls", "http://"+e.addr, "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer,
		"--initial-cluster", "default="+peer)
	e.up(t)
	return e
}

func (e *etcd) up(t *testing.T) {
	t.Helper()
	e.Up(t, func() bool {
		status, _, err := processtest.Page(http.MethodGet, "http://"+e.addr+"/health")
		return err == nil && status == http.StatusOK
	})
}

// try calls the HTTP form of etcd's API.
func (e *etcd) try(path string, question map[string]any) (map[string]any, error) {
	body, _ := json.Marshal(question)
	r, err := http.NewRequest(http.MethodPost, "http://"+e.addr+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	if e.token != "" {
		r.Header.Set("Authorization", e.token)
	}
	status, text, err := processtest.Do(r)
	if err != nil || status != http.StatusOK {
		return nil, fmt.Errorf("%s: %d %s %w", path, status, text, err)
	}
	var answer map[string]any
	return answer, json.Unmarshal([]byte(text), &answer)
}

func (e *etcd) call(t *testing.T, path string, question map[string]any) map[string]any {
	t.Helper()
	answer, err := e.try(path, question)
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

func (e *etcd) put(t *testing.T, key, value string) {
	t.Helper()
	e.call(t, "/v3/kv/put", map[string]any{"key": []byte(key), "value": []byte(value)})
}

func (e *etcd) delete(t *testing.T, key string) {
	t.Helper()
	e.call(t, "/v3/kv/deleterange", map[string]any{"key": []byte(key)})
}

// TestEtcd: keys below a prefix are servers, also where a login is needed; etcd may be away, and a restart meanwhile goes on with what was known.
func TestEtcd(t *testing.T) {
	processtest.Beside(t)
	e, s := startEtcd(t), startServers(t, 3)
	e.put(t, "/cashew/a", "127.0.0.1:"+s[0]+":1")
	e.put(t, "/cashew/b", `{"address": "127.0.0.1:`+s[1]+`"}`)
	e.put(t, "/cashewnut", "127.0.0.1:1:1") // somebody else's
	e.call(t, "/v3/auth/user/add", map[string]any{"name": "root", "password": "open"})
	e.call(t, "/v3/auth/user/grant", map[string]any{"user": "root", "role": "root"})
	e.call(t, "/v3/auth/enable", map[string]any{})
	e.token, _ = e.call(t, "/v3/auth/authenticate", map[string]any{"name": "root", "password": "open"})["token"].(string)
	p := startProxy(t, "discovery: etcd /cashew/", "discovery_from: 127.0.0.1:1 "+e.addr, "discovery_username: root", "discovery_password: open",
		"on_membership: apply", "discovery_settle_msecs: 200", "discovery_cache: DIR/kept")
	p.want(t, s[0], s[1])
	l := startLoad(t, p, 2)
	e.put(t, "/cashew/a", "127.0.0.1:"+s[2]+":1")
	p.await(t, s[2], s[1])
	e.put(t, "/cashew/c", "127.0.0.1:"+s[0])
	p.await(t, s[0], s[1], s[2])
	e.delete(t, "/cashew/b")
	p.await(t, s[0], s[2])
	e.put(t, "/cashew/c", "over there")
	p.awaitMetric(t, "discovery_refused_total", func(n float64) bool { return n > 0 })
	p.want(t, s[0], s[2])
	e.put(t, "/cashew/c", "127.0.0.1:"+s[1]+":1")
	p.await(t, s[1], s[2])
	e.Kill()
	p.awaitMetric(t, "discovery_up", func(n float64) bool { return n == 0 })
	p.want(t, s[1], s[2])
	l.end(t)
	p.end(t)
	p.run(t)
	p.want(t, s[1], s[2])
	l = startLoad(t, p, 2)
	e.up(t)
	p.awaitMetric(t, "discovery_up", func(n float64) bool { return n == 1 })
	e.token = "" // which it has forgotten
	e.token, _ = e.call(t, "/v3/auth/authenticate", map[string]any{"name": "root", "password": "open"})["token"].(string)
	e.put(t, "/cashew/a", "127.0.0.1:"+s[0]+":1")
	p.await(t, s[0], s[1])
	l.end(t)
}
