//go:build unix

package difftest

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
	"github.com/redis/go-redis/v9/push"

	"cashew/tests/processtest"
)

// namesEndpoint has go-redis 9.23 change connections at once. Told to connect where it is connected, it does so after half of its time, with a
// timer that may take a connection which a command has taken in the same moment (Conn.MarkQueuedForHandoff: from IN_USE to UNUSABLE): then
// two goroutines write to it and read from it, and GET reads the reply to HELLO. Told an endpoint, it does so once the command has given
// the connection back.
type namesEndpoint struct {
	endpoint string
	told     atomic.Int64
	other    atomic.Pointer[string]
}

func (n *namesEndpoint) PreHook(_ context.Context, _ push.NotificationHandlerContext, kind string, said []any) ([]any, bool) {
	if kind != maintnotifications.NotificationMoving || len(said) != 4 || said[3] != nil {
		n.other.Store(new(fmt.Sprint(kind, said)))
		return said, true
	}
	n.told.Add(1)
	return []any{said[0], said[1], said[2], n.endpoint}, true
}

func (n *namesEndpoint) PostHook(context.Context, push.NotificationHandlerContext, string, []any, error) {
}

// TestMoving: a drain sends clients away that ask for that, and they lose nothing; go-redis goes to another proxy at the same address. Each of
// its goroutines has a key of its own, so that a reply to another one's command is seen.
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
	names := &namesEndpoint{endpoint: listen}
	rdb.GetMaintNotificationsManager().AddNotificationHook(names)
	stop, done, failed := make(chan struct{}), atomic.Int64{}, atomic.Pointer[error]{}
	var clients sync.WaitGroup
	for i := range 8 {
		key := fmt.Sprint("a", i)
		if err := rdb.Set(context.Background(), key, "value of "+key, 0).Err(); err != nil {
			t.Fatal(err)
		}
		clients.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				got, err := rdb.Get(context.Background(), key).Result()
				if err == nil && got != "value of "+key {
					err = fmt.Errorf("GET %s = %q", key, got)
				}
				if err != nil {
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
	if other := names.other.Load(); other != nil || names.told.Load() == 0 {
		t.Errorf("go-redis is told %d times to move; it is also told %v", names.told.Load(), other)
	}
	if err := failed.Load(); err != nil {
		t.Errorf("of %d commands one failed: %v", done.Load(), *err)
	}
}
