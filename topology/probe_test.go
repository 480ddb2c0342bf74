package topology

import (
	"bufio"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"cashew/codec/resp"
)

// readArray reads one command.
func readArray(r *bufio.Reader) bool {
	head, err := r.ReadString('\n')
	if err != nil {
		return false
	}
	for range 2 * int(head[1]-'0') {
		if _, err := r.ReadString('\n'); err != nil {
			return false
		}
	}
	return true
}

// TestProbe: what a server says decides whether it may come back.
func TestProbe(t *testing.T) {
	for _, c := range []struct {
		name    string
		options resp.Options
		replies []string // to one command each, but "NG"
		want    string   // in the error; "" for none
	}{
		{"well", resp.Options{}, []string{"+PONG\r\n"}, ""},
		{"in two parts", resp.Options{}, []string{"+PO", "NG\r\n"}, ""},
		{"loading", resp.Options{}, []string{"-LOADING Redis is loading the dataset in memory\r\n"}, "LOADING"},
		{"password", resp.Options{Password: "p", DB: 2}, []string{"+OK\r\n", "+OK\r\n", "+PONG\r\n"}, ""},
		{"new password refused", resp.Options{Password: "p"}, []string{"-WRONGPASS no\r\n", "+OK\r\n", "+PONG\r\n"}, ""},
		{"both refused", resp.Options{Password: "p"}, []string{"-WRONGPASS no\r\n", "-WRONGPASS no\r\n"}, "AUTH was refused"},
		{"a reply too long", resp.Options{Password: "p"}, []string{"$70000\r\n" + strings.Repeat("x", 70_000)}, "more than 65536 bytes to a command of"},
		{"no AUTH", resp.Options{Password: "p"}, []string{"-ERR unknown command 'AUTH'\r\n"}, "AUTH was refused"},
		{"hangs up", resp.Options{}, nil, "EOF"},
		{"not redis", resp.Options{}, []string{"SSH-2.0\r\n"}, "unknown type"},
	} {
		t.Run(c.name, func(t *testing.T) {
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer ln.Close()
			go func() {
				nc, err := ln.Accept()
				if err != nil {
					return
				}
				defer nc.Close()
				r := bufio.NewReader(nc)
				for _, reply := range c.replies {
					if strings.HasPrefix(reply, "NG") {
						time.Sleep(20 * time.Millisecond) // or both parts would come as one
						_, _ = io.WriteString(nc, reply)
						continue
					}
					if !readArray(r) {
						return
					}
					_, _ = io.WriteString(nc, reply)
				}
				if c.replies == nil {
					readArray(r)
					return
				}
				_, _ = io.Copy(io.Discard, r)
			}()
			protocol := resp.New(c.options).After(resp.New(resp.Options{Password: "former"}))
			p := newTestPool(t, 1, func(o *Options) {
				o.Protocol, o.Timeout, o.Probe = protocol, time.Minute, nil
				o.Servers[0].Addr = ln.Addr().String()
			})
			err = p.Probe(p.Servers()[0])
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("probe: %v; want %q in it", err, c.want)
			}
		})
	}
}
