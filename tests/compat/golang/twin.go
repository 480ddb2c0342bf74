package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
)

// valkey-go began as a copy of rueidis, and their types have the same methods: one client serves both.

// result is what a reply of either is.
type result interface {
	ToString() (string, error)
	ToAny() (any, error)
	AsInt64() (int64, error)
	AsFloat64() (float64, error)
	AsStrMap() (map[string]string, error)
	AsStrSlice() ([]string, error)
}

// sender sends commands, all at once if they are several.
type sender func(ctx context.Context, commands ...[]string) []result

// twin is a client of either.
type twin struct {
	send      sender
	dedicated func(ctx context.Context, body func(send sender) error) error // with a connection of one's own
	eval      func(ctx context.Context, script, key, arg string) result
	receive   func(ctx context.Context, pattern bool, name string, subscribed func(), message func(pattern, channel, payload string)) error
	scores    func(r result) ([]scored, error)
	entries   func(r result) ([]any, error)
	page      func(r result) (cursor uint64, keys []string, err error)
	isNil     func(err error) bool
	shutdown  func()
}

func (c twin) do(ctx context.Context, words ...string) (any, error) {
	return c.read(words[0], c.send(ctx, words)[0])
}

func (c twin) pipeline(ctx context.Context, commands [][]string) ([]any, error) {
	var all []any
	for i, r := range c.send(ctx, commands...) {
		v, err := c.read(commands[i][0], r)
		if err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return all, nil
}

func (c twin) raw(ctx context.Context, words ...string) (any, error) {
	return c.present(c.send(ctx, words)[0].ToAny())
}

func (c twin) stored(ctx context.Context, script, key, arg string) (any, error) {
	return c.present(c.eval(ctx, script, key, arg).ToAny())
}

func (c twin) transaction(ctx context.Context, commands [][]string) (all []any, err error) {
	err = c.dedicated(ctx, func(send sender) error {
		all, err = c.queued(ctx, send, commands)
		return err
	})
	return all, err
}

func (c twin) watch(ctx context.Context, key string, meantime func(), commands [][]string) (all []any, err error) {
	err = c.dedicated(ctx, func(send sender) error {
		if _, err := send(ctx, []string{"WATCH", key})[0].ToString(); err != nil {
			return err
		}
		meantime()
		all, err = c.queued(ctx, send, commands)
		return err
	})
	return all, err
}

// queued has commands carried out in one transaction.
func (c twin) queued(ctx context.Context, send sender, commands [][]string) ([]any, error) {
	results := send(ctx, append(append([][]string{{"MULTI"}}, commands...), []string{"EXEC"})...)
	replies, err := results[len(results)-1].ToAny()
	if c.isNil(err) {
		return nil, errAborted
	}
	if err != nil {
		return nil, err
	}
	return replies.([]any), nil
}

func (c twin) subscribe(ctx context.Context, channel, pattern string, ready func(), message func(string)) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var ended, subscriptions atomic.Int32
	failed := make(chan error, 2)
	var one sync.Mutex // of both subscriptions' messages at a time
	for isPattern, name := range map[bool]string{false: channel, true: pattern} {
		go func() {
			subscribed := func() {
				if subscriptions.Add(1) == 2 {
					go ready() // the library forbids calls of itself here
				}
			}
			own, finish := context.WithCancel(ctx)
			err := c.receive(own, isPattern, name, subscribed, func(pattern, channel, payload string) {
				if payload == end {
					ended.Add(1)
					finish()
					return
				}
				one.Lock()
				defer one.Unlock()
				message(pattern + " " + channel + " " + payload)
			})
			finish()
			if err != nil && ended.Load() == 0 {
				cancel() // the other does not wait for what will not come
			}
			failed <- err
		}()
	}
	if err := errors.Join(<-failed, <-failed); ended.Load() < 2 {
		return err
	}
	return nil
}

func (c twin) scan(ctx context.Context, pattern string) (keys []string, err error) {
	for cursor := uint64(0); ; {
		next, more, err := c.page(c.send(ctx, []string{"SCAN", fmt.Sprint(cursor), "MATCH", pattern, "COUNT", "50"})[0])
		if err != nil {
			return nil, err
		}
		if cursor, keys = next, append(keys, more...); cursor == 0 {
			return keys, nil
		}
	}
}

func (c twin) close() error {
	c.shutdown()
	return nil
}

// read decodes a reply as an application would that knows what it asked for.
func (c twin) read(command string, r result) (v any, err error) {
	switch command {
	case "HGETALL":
		v, err = r.AsStrMap()
	case "SMEMBERS":
		var members []string
		members, err = r.AsStrSlice()
		v = anys(members)
	case "ZRANGE":
		v, err = c.scores(r)
	case "ZSCORE", "ZINCRBY":
		v, err = r.AsFloat64()
	case "TTL", "STRLEN", "INCR", "HSET", "SADD", "ZADD", "DEL", "RPUSH", "PUBLISH", "XACK":
		v, err = r.AsInt64()
	case "XREADGROUP":
		v, err = c.entries(r)
	case "XPENDING", "HSCAN":
		var parts any
		if parts, err = r.ToAny(); err == nil {
			v = parts.([]any)[map[string]int{"HSCAN": 1}[command]]
		}
	case "MGET", "EVAL", "BLPOP":
		v, err = r.ToAny()
	default:
		v, err = r.ToString()
	}
	return c.present(v, err)
}

func (c twin) present(v any, err error) (any, error) {
	if c.isNil(err) {
		return nil, nil
	}
	return v, err
}
