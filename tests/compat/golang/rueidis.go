package main

import (
	"context"

	"github.com/redis/rueidis"
	"github.com/valkey-io/valkey-go"
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

// twin is a client of either.
type twin struct {
	send     func(ctx context.Context, commands ...[]string) []result
	eval     func(ctx context.Context, script, key, arg string) result
	scores   func(r result) ([]scored, error)
	isNil    func(err error) bool
	shutdown func()
}

func dialRueidis(_ context.Context, addr, name string) (client, error) {
	c, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{addr}, ClientName: name, DisableCache: true})
	if err != nil {
		return nil, err
	}
	return twin{
		send: func(ctx context.Context, commands ...[]string) []result {
			var all rueidis.Commands
			for _, words := range commands {
				all = append(all, c.B().Arbitrary(words...).Build())
			}
			var results []result
			for _, r := range c.DoMulti(ctx, all...) {
				results = append(results, r)
			}
			return results
		},
		eval: func(ctx context.Context, script, key, arg string) result {
			return rueidis.NewLuaScript(script).Exec(ctx, c, []string{key}, []string{arg})
		},
		scores: func(r result) ([]scored, error) {
			pairs, err := r.(rueidis.RedisResult).AsZScores()
			var all []scored
			for _, z := range pairs {
				all = append(all, scored{z.Member, z.Score})
			}
			return all, err
		},
		isNil:    rueidis.IsRedisNil,
		shutdown: c.Close,
	}, nil
}

func dialValkey(_ context.Context, addr, name string) (client, error) {
	c, err := valkey.NewClient(valkey.ClientOption{InitAddress: []string{addr}, ClientName: name, DisableCache: true})
	if err != nil {
		return nil, err
	}
	return twin{
		send: func(ctx context.Context, commands ...[]string) []result {
			var all valkey.Commands
			for _, words := range commands {
				all = append(all, c.B().Arbitrary(words...).Build())
			}
			var results []result
			for _, r := range c.DoMulti(ctx, all...) {
				results = append(results, r)
			}
			return results
		},
		eval: func(ctx context.Context, script, key, arg string) result {
			return valkey.NewLuaScript(script).Exec(ctx, c, []string{key}, []string{arg})
		},
		scores: func(r result) ([]scored, error) {
			pairs, err := r.(valkey.ValkeyResult).AsZScores()
			var all []scored
			for _, z := range pairs {
				all = append(all, scored{z.Member, z.Score})
			}
			return all, err
		},
		isNil:    valkey.IsValkeyNil,
		shutdown: c.Close,
	}, nil
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
	case "TTL", "STRLEN", "INCR", "HSET", "SADD", "ZADD", "DEL":
		v, err = r.AsInt64()
	case "MGET", "EVAL":
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
