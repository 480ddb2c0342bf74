package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"sort"
	"strconv"
	"strings"
)

const script = "return {KEYS[1], ARGV[1], 42, false, {'nested', redis.call('GET', KEYS[1])}}"

var scores = []scored{{"lowest", math.Inf(-1)}, {"tenth", 0.1}, {"half", 1.5}, {"huge", 1e21}, {"highest", math.Inf(1)}}

// scenario is what every library goes through.
type scenario struct {
	dial   func(ctx context.Context, to target) (client, error)
	to     target
	prefix string // of all keys
	c      client
}

type step struct {
	name string
	body func(ctx context.Context) (string, error)
}

func (s *scenario) key(name string) string { return s.prefix + name }

// steps are run in this order; what a body returns is compared between a server and the proxy.
func (s *scenario) steps() []step {
	checked := func(name string, body func(ctx context.Context) error) step {
		return step{name, func(ctx context.Context) (string, error) { return "", body(ctx) }}
	}
	return []step{
		checked("connect", func(ctx context.Context) (err error) {
			s.c, err = s.dial(ctx, s.to)
			return err
		}),
		checked("ping", func(ctx context.Context) error { return s.want(ctx, "PONG", "PING") }),
		checked("expiry", s.expiry),
		checked("binary", func(ctx context.Context) error {
			var b []byte
			for i := range 256 {
				b = append(b, byte(i))
			}
			key := s.key("b") + string(b) // a key of them too
			return errors.Join(s.want(ctx, "OK", "SET", key, string(b)), s.want(ctx, string(b), "GET", key))
		}),
		checked("large", s.large),
		checked("missing", func(ctx context.Context) error {
			return errors.Join(
				s.want(ctx, nil, "GET", s.key("missing")),
				s.want(ctx, nil, "HGET", s.key("missing"), "f"),
				s.want(ctx, map[string]string{}, "HGETALL", s.key("missing")),
			)
		}),
		checked("counter", func(ctx context.Context) error {
			return errors.Join(
				s.want(ctx, int64(1), "INCR", s.key("n")),
				s.want(ctx, int64(2), "INCR", s.key("n")),
				s.want(ctx, int64(3), "INCR", s.key("n")),
			)
		}),
		checked("hash", func(ctx context.Context) error {
			return errors.Join(
				s.want(ctx, int64(3), "HSET", s.key("h"), "f", "v", "g", "", "2", "w"),
				s.want(ctx, map[string]string{"f": "v", "g": "", "2": "w"}, "HGETALL", s.key("h")),
				s.want(ctx, "v", "HGET", s.key("h"), "f"),
			)
		}),
		checked("set", s.set),
		checked("sorted set", s.sortedSet),
		checked("multi-key", s.many),
		checked("pipeline", s.pipeline),
		{"wrong type", s.wrongType},
		checked("script", func(ctx context.Context) error {
			return s.want(ctx, []any{s.key("s"), "arg", int64(42), nil, []any{"nested", "value"}}, "EVAL", script, "1", s.key("s"), "arg")
		}),
		checked("stored script", func(ctx context.Context) error {
			// It is another script for each library, since one that a server knows already is not loaded again.
			counts := "-- " + s.prefix + "\nreturn redis.call('INCRBY', KEYS[1], ARGV[1])"
			first, err := s.c.stored(ctx, counts, s.key("sn"), "2")
			second, err2 := s.c.stored(ctx, counts, s.key("sn"), "40")
			if first != int64(2) || second != int64(42) {
				return fmt.Errorf("stored script = %v, then %v; want 2, then 42: %w", first, second, errors.Join(err, err2))
			}
			return nil
		}),
		{"generic", s.generic},
		{"errors", s.errors},
		{"unknown command", s.unknownCommand},
		{"MULTI", s.multi},
		{"MULTI over any keys", s.multiAnywhere},
		checked("WATCH conflict", s.watch),
		checked("blocking pop", s.blockingPop),
		{"pub/sub", s.pubsub},
		checked("SCAN", s.scan),
		checked("SCAN of a key", s.scanKey),
		{"streams with groups", s.streams},
		checked("WAIT", func(ctx context.Context) error {
			got, err := s.c.raw(ctx, "WAIT", "0", "10")
			if err == nil && got != int64(0) {
				err = fmt.Errorf("WAIT = %s", show(got))
			}
			return err
		}),
		{"SELECT", s.database},
		checked("reconnect after CLIENT KILL", s.reconnect),
		checked("name", s.named),
		checked("client info", func(ctx context.Context) error { return s.contains(ctx, "id=", "CLIENT", "INFO") }),
		checked("server info", func(ctx context.Context) error { return s.contains(ctx, "redis_version:", "INFO") }),
		checked("concurrent", s.concurrent),
		checked("quit", func(context.Context) error { return s.c.close() }),
	}
}

// want runs a command and checks its reply.
func (s *scenario) want(ctx context.Context, want any, words ...string) error {
	got, err := s.c.do(ctx, words...)
	what := fmt.Sprintf("%s %.40q", words[0], words[1:])
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	if !reflect.DeepEqual(got, want) {
		return fmt.Errorf("%s = %.100q; want %.100q", what, show(got), show(want))
	}
	return nil
}

func (s *scenario) expiry(ctx context.Context) error {
	if err := errors.Join(
		s.want(ctx, "OK", "SETEX", s.key("s"), "1000", "value"),
		s.want(ctx, "value", "GET", s.key("s")),
	); err != nil {
		return err
	}
	ttl, err := s.c.do(ctx, "TTL", s.key("s"))
	if n, ok := ttl.(int64); err != nil || !ok || n <= 0 || n > 1000 {
		return fmt.Errorf("TTL = %v, %v; want up to 1000", ttl, err)
	}
	return nil
}

func (s *scenario) large(ctx context.Context) error {
	b := make([]byte, 1<<20)
	for i := range b {
		b[i] = byte(i * 7 % 251)
	}
	return errors.Join(
		s.want(ctx, "OK", "SET", s.key("large"), string(b)),
		s.want(ctx, int64(len(b)), "STRLEN", s.key("large")),
		s.want(ctx, string(b), "GET", s.key("large")),
	)
}

func (s *scenario) set(ctx context.Context) error {
	if err := s.want(ctx, int64(3), "SADD", s.key("set"), "a", "b", "c"); err != nil {
		return err
	}
	got, err := s.c.do(ctx, "SMEMBERS", s.key("set"))
	members, ok := got.([]any)
	if err != nil || !ok {
		return fmt.Errorf("SMEMBERS = %v, %v", got, err)
	}
	sort.Slice(members, func(i, j int) bool { return fmt.Sprint(members[i]) < fmt.Sprint(members[j]) })
	if !slices.Equal(members, []any{"a", "b", "c"}) {
		return fmt.Errorf("SMEMBERS = %v", members)
	}
	return nil
}

func (s *scenario) sortedSet(ctx context.Context) error {
	zadd := []string{"ZADD", s.key("z")}
	for _, z := range scores {
		zadd = append(zadd, strconv.FormatFloat(z.score, 'g', -1, 64), z.member)
	}
	err := errors.Join(
		s.want(ctx, int64(len(scores)), zadd...),
		s.want(ctx, scores, "ZRANGE", s.key("z"), "0", "-1", "WITHSCORES"),
		s.want(ctx, nil, "ZSCORE", s.key("z"), "missing"),
	)
	for _, z := range scores {
		err = errors.Join(err, s.want(ctx, z.score, "ZSCORE", s.key("z"), z.member))
	}
	return errors.Join(err, s.want(ctx, 2.5, "ZINCRBY", s.key("z"), "1", "half"))
}

func (s *scenario) many(ctx context.Context) error {
	mset, mget, del := []string{"MSET"}, []string{"MGET"}, []string{"DEL"}
	var values []any
	for i := range 50 {
		k := s.key(fmt.Sprint("m", i))
		mget, del = append(mget, k), append(del, k)
		if i%5 == 3 {
			values = append(values, nil)
			continue
		}
		mset = append(mset, k, fmt.Sprint("v", i))
		values = append(values, fmt.Sprint("v", i))
	}
	return errors.Join(
		s.want(ctx, "OK", mset...), s.want(ctx, values, mget...), s.want(ctx, int64(40), del...), s.want(ctx, int64(0), del...),
	)
}

func (s *scenario) pipeline(ctx context.Context) error {
	var commands [][]string
	var want []any
	adds := func(reply any, words ...string) {
		commands, want = append(commands, words), append(want, reply)
	}
	for i := range 100 {
		key := func(name string) string { return s.key(fmt.Sprint(name, i)) }
		v, quarter := fmt.Sprint("v", i), float64(i)/4
		adds("OK", "SET", key("p"), v)
		adds(v, "GET", key("p"))
		adds(int64(i+1), "INCR", s.key("pn"))
		adds(int64(1), "HSET", key("ph"), "f", v)
		adds(map[string]string{"f": v}, "HGETALL", key("ph"))
		adds(nil, "GET", key("missing"))
		adds(int64(1), "ZADD", key("pz"), fmt.Sprint(quarter), "m")
		adds(quarter, "ZSCORE", key("pz"), "m")
		adds([]scored{{"m", quarter}}, "ZRANGE", key("pz"), "0", "-1", "WITHSCORES")
		adds([]any{v, nil, v}, "MGET", key("p"), key("missing"), key("p"))
	}
	got, err := s.c.pipeline(ctx, commands)
	if err != nil {
		return err
	}
	if len(got) != len(want) {
		return fmt.Errorf("%d replies, want %d", len(got), len(want))
	}
	for i := range want {
		if !reflect.DeepEqual(got[i], want[i]) {
			return fmt.Errorf("reply %d, to %s = %s; want %s", i, commands[i][0], show(got[i]), show(want[i]))
		}
	}
	return nil
}

func (s *scenario) wrongType(ctx context.Context) (string, error) {
	_, err := s.c.do(ctx, "HGET", s.key("s"), "f")
	if err == nil || !strings.Contains(err.Error(), "WRONGTYPE") {
		return "", fmt.Errorf("HGET of a string: %v; want WRONGTYPE", err)
	}
	return fmt.Sprintf("%T: %v", err, err), nil
}

// generic shows what comes back where the library does not know the command: then the type on the wire decides alone.
func (s *scenario) generic(ctx context.Context) (string, error) {
	if err := s.want(ctx, int64(1), "SADD", s.key("one"), "a"); err != nil {
		return "", err
	}
	var all []string
	for _, words := range [][]string{
		{"GET", s.key("s")},
		{"GET", s.key("missing")},
		{"HGETALL", s.key("h")},
		{"SMEMBERS", s.key("one")},
		{"SISMEMBER", s.key("one"), "a"},
		{"ZRANGE", s.key("z"), "0", "-1", "WITHSCORES"},
		{"ZSCORE", s.key("z"), "half"},
		{"ZSCORE", s.key("z"), "highest"},
		{"MGET", s.key("s"), s.key("missing")},
		{"EVAL", script, "1", s.key("s"), "arg"},
	} {
		v, err := s.c.raw(ctx, words...)
		if err != nil {
			v = err
		}
		all = append(all, words[0]+" "+show(v))
	}
	return strings.Join(all, "\n"), nil
}

func (s *scenario) named(ctx context.Context) error {
	to := s.to
	to.name = "compat"
	c, err := s.dial(ctx, to)
	if err != nil {
		return err
	}
	got, err := c.do(ctx, "CLIENT", "GETNAME")
	if err != nil || got != "compat" {
		return fmt.Errorf("CLIENT GETNAME = %v, %v", got, err)
	}
	return c.close()
}

func (s *scenario) contains(ctx context.Context, part string, words ...string) error {
	got, err := s.c.do(ctx, words...)
	if text, ok := got.(string); err != nil || !ok || !strings.Contains(text, part) {
		return fmt.Errorf("%s = %.200s, %v; want %q in it", words, show(got), err, part)
	}
	return nil
}

// concurrent has four clients count the same key up together.
func (s *scenario) concurrent(ctx context.Context) error {
	errs := make(chan error, 4)
	for range cap(errs) {
		go func() {
			c, err := s.dial(ctx, s.to)
			if err != nil {
				errs <- err
				return
			}
			for range 25 {
				_, e := c.do(ctx, "INCR", s.key("shared"))
				err = errors.Join(err, e)
			}
			errs <- errors.Join(err, c.close())
		}()
	}
	var err error
	for range cap(errs) {
		err = errors.Join(err, <-errs)
	}
	return errors.Join(err, s.want(ctx, "100", "GET", s.key("shared")))
}
