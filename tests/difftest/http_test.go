//go:build unix

package difftest

import (
	"strings"
	"testing"
)

// httpMethods are those of HTTP/1.1, of HTTP/2's preface, of WebDAV, some that are commands, too, and some that are nobody's.
var httpMethods = strings.Fields(`GET POST PUT DELETE HEAD OPTIONS PATCH CONNECT TRACE PRI PROPFIND MKCOL COPY MOVE LOCK UNLOCK LINK
	UNLINK SEARCH PURGE REPORT FOO x-y.z put post delete head options`)

// httpRequests are the beginnings of a request with each of them.
func httpRequests() []string {
	var all []string
	for _, m := range httpMethods {
		for _, rest := range []string{" / HTTP/1.0", " /a/b?c=d HTTP/1.1", " http://127.0.0.1/ HTTP/1.1", " * HTTP/2.0"} {
			for _, end := range []string{"\r\n", "\n", " \r\n"} {
				all = append(all, m+rest+end)
			}
		}
	}
	return all
}

// smuggled sends a request with the commands behind it, cut at an offset, if that is not 0, and returns what comes back up
// to the end of the connection; over is false if the last of the commands is answered.
func smuggled(t *testing.T, addr, request, commands string, cut int) (reply string, over bool) {
	t.Helper()
	c := dial(t, addr)
	defer c.close()
	var cuts []int
	if cut > 0 {
		cuts = append(cuts, cut)
	}
	if c.sendCut([]byte(request+commands), cuts) != nil { // the peer may have closed it already
		return "", true
	}
	const mark = "end-of-request"
	var b strings.Builder
	for {
		line, err := c.r.ReadString('\n')
		b.WriteString(line)
		if err != nil {
			return b.String(), true
		}
		if strings.Contains(line, mark) {
			return b.String(), false
		}
	}
}

// TestHTTP sends requests of HTTP, with commands behind them, to a Redis pool: the proxy hangs up and carries out nothing.
func TestHTTP(t *testing.T) {
	t.Parallel()
	server := startRedis(t)
	addr := startProxy(t, poolOf([]*redisServer{server})).addr("p")
	server.do(t, "SET", "/", "untouched")
	c := dial(t, addr)
	c.want("$9\r\nuntouched\r\n", "GET", "/")
	const commands = "SET smuggled 1\r\n*3\r\n$3\r\nSET\r\n$8\r\nsmuggled\r\n$1\r\n1\r\nECHO end-of-request\r\n"
	for i, request := range httpRequests() {
		for _, headers := range []string{"", "Accept: */*\r\n\r\n"} {
			got, over := smuggled(t, addr, request, headers+commands, i%len(request))
			if !over || got != "" && got != "-ERR Protocol error: this is not an HTTP server\r\n" && underTest.name == "cashew" {
				t.Errorf("%q = %q, closed %v; want an error and the end", request+headers, got, over)
			}
		}
	}
	c.want("$-1\r\n", "GET", "smuggled")
	c.want("$9\r\nuntouched\r\n", "GET", "/")
	c.want("$-1\r\n", "GET", "HTTP/1.0")
	c.want("+OK\r\n", "SET", "/", "HTTP/1.1")
}

// TestMemcachedHTTP is TestHTTP for a memcached pool. memcached itself hangs up, but where a method is a command's name.
func TestMemcachedHTTP(t *testing.T) {
	t.Parallel()
	server, behind := startMemcached(t), startMemcached(t)
	addr := startProxy(t, mcPoolOf([]*mcServer{behind})).addr("p")
	const commands = "set smuggled 0 0 1\r\n1\r\nset end-of-request 0 0 1\r\n1\r\nget end-of-request\r\n"
	for i, request := range httpRequests() {
		for _, headers := range []string{"", "Accept: */*\r\n\r\n"} {
			if reply, over := smuggled(t, server.addr, request, headers+commands, 0); !over && !strings.HasPrefix(request, "delete ") {
				t.Errorf("memcached stays at %q: %q", request+headers, reply)
			}
			got, over := smuggled(t, addr, request, headers+commands, i%len(request))
			if !over || got != "" && got != "SERVER_ERROR this is not an HTTP server\r\n" && underTest.name == "cashew" {
				t.Errorf("%q = %q, closed %v; want an error and the end", request+headers, got, over)
			}
		}
	}
	dial(t, addr).expect("END\r\n", mcGet("smuggled"))
	if underTest.name != "cashew" {
		return
	}
	// What memcached takes for a command is one here: a client may have such keys.
	for _, text := range []string{"get / HTTP/1.0\r\n", "gets / HTTP/1.1\r\n", "get HTTP/1.1\r\n", mcSet("HTTP/1.1", "1") + "gat 0 HTTP/1.1\r\n"} {
		want, got := talkMC(t, server.addr, text), talkMC(t, addr, text)
		if got != want {
			t.Errorf("%q = %q; want %q", text, got, want)
		}
	}
	// As a browser goes on, it is found out.
	if got := talkMC(t, addr, "get / HTTP/1.0\r\nHost: a\r\n"+commands); got != "END\r\nSERVER_ERROR this is not an HTTP server\r\n" {
		t.Errorf("a get and a header: %q", got)
	}
	dial(t, addr).expect("END\r\n", mcGet("smuggled"))
}

// talkMC sends the text and quit, and returns all that comes back.
func talkMC(t *testing.T, addr, text string) string {
	t.Helper()
	c := dial(t, addr)
	defer c.close()
	c.conn.Write([]byte(text + "quit\r\n")) // the peer may close it before all is written
	return c.drain()
}
