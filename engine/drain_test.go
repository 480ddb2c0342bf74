package engine

import (
	"bufio"
	"io"
	"net"
	"testing"
	"time"
)

// TestDrainTakesWhoHasCome: who had connected and asked when the proxy began to drain is answered, though nobody had accepted
// it yet.
func TestDrainTakesWhoHasCome(t *testing.T) {
	for range 2 {
		p := startProxy(t, bigServer(t, 100), func(o *Options, _ *PoolOptions) { o.Loops = 1 })
		var clients []net.Conn
		for range 100 {
			c := dial(t, p)
			_, _ = io.WriteString(c, "PING\r\n")
			clients = append(clients, c)
		}
		if err := p.Drain(t.Context()); err != nil {
			t.Fatal(err)
		}
		for i, c := range clients {
			_ = c.SetDeadline(time.Now().Add(time.Minute))
			if line, err := bufio.NewReader(c).ReadString('\n'); line != "+PONG\r\n" {
				t.Fatalf("client %d reads %q, %v", i, line, err)
			}
		}
	}
}
