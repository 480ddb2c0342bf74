//go:build unix

package difftest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"cashew/tests/processtest"
)

// TestMoving: a drain sends clients away that ask for that, and they lose nothing; go-redis goes to another proxy at the same address.
func TestMoving(t *testing.T) {
	t.Parallel()
	wantCashew(t, "it knows no RESP3, 6.4")
	server := startRedis(t)
	listen := "127.0.0.1:" + processtest.FreePort(t)
	shared := fmt.Sprintf("p:\n  listen: %s\n  redis: true\n  reuseport: true\n  servers:\n   - %s\n", listen, server.entry(1, ""))
	p := newService(t)
	p.configure(t, shared)
	p.start(t)
	rdb := redis.NewClient(&redis.Options{
		Addr: listen, Protocol: 3, MaxRetries: -1, PoolSize: 8,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeEnabled, EndpointType: maintnotifications.EndpointTypeNone},
	})
	defer rdb.Close()
	stop, done, failed := make(chan struct{}), atomic.Int64{}, atomic.Pointer[error]{}
	var clients sync.WaitGroup
	for range 8 {
		clients.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if _, err := rdb.Get(context.Background(), "a").Result(); err != nil && !errors.Is(err, redis.Nil) {
					failed.CompareAndSwap(nil, &err)
				}
				done.Add(1)
			}
		})
	}
	await(t, "go-redis to send something", func() bool { return done.Load() > 1000 })
	plain, asks := dial(t, listen), dial(t, listen)
	plain.do("HELLO", "3")
	asks.do("HELLO", "3")
	asks.want("+OK\r\n", "CLIENT", "MAINT_NOTIFICATIONS", "ON", "moving-endpoint-type", "none")
	next := newService(t)
	next.configure(t, shared)
	next.start(t)
	p.Signal(syscall.SIGTERM)
	plain.wantEOF()
	if got := asks.reply(); !strings.HasPrefix(got, ">4\r\n$6\r\nMOVING\r\n:") || !strings.HasSuffix(got, "\r\n:4\r\n_\r\n") {
		t.Errorf("it is told %q", got)
	}
	asks.want("$3\r\nyes\r\n", "ECHO", "yes")
	asks.renew()
	asks.wantEOF()
	await(t, "the proxy to end", p.Ended)
	before := done.Load()
	await(t, "go-redis to go on", func() bool { return done.Load() > before+1000 })
	close(stop)
	clients.Wait()
	if err := failed.Load(); err != nil {
		t.Errorf("of %d commands one failed: %v", done.Load(), *err)
	}
}
