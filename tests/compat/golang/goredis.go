package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
)

type goRedis struct{ *redis.Client }

func dialGoRedis(ctx context.Context, addr, name string) (client, error) {
	c := redis.NewClient(&redis.Options{Addr: addr, ClientName: name})
	return goRedis{c}, c.Ping(ctx).Err()
}

func (c goRedis) do(ctx context.Context, words ...string) (any, error) {
	return issue(ctx, c.Client, words)()
}

func (c goRedis) pipeline(ctx context.Context, commands [][]string) ([]any, error) {
	p := c.Pipeline()
	var replies []func() (any, error)
	for _, words := range commands {
		replies = append(replies, issue(ctx, p, words))
	}
	if _, err := p.Exec(ctx); err != nil && !errors.Is(err, redis.Nil) {
		return nil, err
	}
	var all []any
	for _, reply := range replies {
		v, err := reply()
		if err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return all, nil
}

func (c goRedis) raw(ctx context.Context, words ...string) (any, error) {
	var args []any
	for _, w := range words {
		args = append(args, w)
	}
	return present(c.Do(ctx, args...).Result())
}

func (c goRedis) stored(ctx context.Context, script, key, arg string) (any, error) {
	return redis.NewScript(script).Run(ctx, c, []string{key}, arg).Result()
}

func (c goRedis) close() error { return c.Close() }

// issue calls the method of a client or of a pipeline; the reply of a pipeline is there once it was executed.
func issue(ctx context.Context, c redis.Cmdable, w []string) func() (any, error) {
	switch w[0] {
	case "PING":
		return reply(c.Ping(ctx))
	case "SET":
		return reply(c.Set(ctx, w[1], w[2], 0))
	case "SETEX":
		seconds, err := strconv.Atoi(w[2])
		if err != nil {
			panic(err)
		}
		return reply(c.Set(ctx, w[1], w[3], time.Duration(seconds)*time.Second))
	case "GET":
		return reply(c.Get(ctx, w[1]))
	case "TTL":
		ttl := c.TTL(ctx, w[1])
		return func() (any, error) { return int64(ttl.Val() / time.Second), ttl.Err() }
	case "STRLEN":
		return reply(c.StrLen(ctx, w[1]))
	case "INCR":
		return reply(c.Incr(ctx, w[1]))
	case "HSET":
		return reply(c.HSet(ctx, w[1], w[2:]))
	case "HGET":
		return reply(c.HGet(ctx, w[1], w[2]))
	case "HGETALL":
		return reply(c.HGetAll(ctx, w[1]))
	case "SADD":
		return reply(c.SAdd(ctx, w[1], anys(w[2:])...))
	case "SMEMBERS":
		members := c.SMembers(ctx, w[1])
		return func() (any, error) { return anys(members.Val()), members.Err() }
	case "ZADD":
		var all []redis.Z
		for i := 2; i < len(w); i += 2 {
			all = append(all, redis.Z{Score: number(w[i]), Member: w[i+1]})
		}
		return reply(c.ZAdd(ctx, w[1], all...))
	case "ZRANGE":
		pairs := c.ZRangeWithScores(ctx, w[1], 0, -1)
		return func() (any, error) {
			var all []scored
			for _, z := range pairs.Val() {
				all = append(all, scored{fmt.Sprint(z.Member), z.Score})
			}
			return all, pairs.Err()
		}
	case "ZSCORE":
		return reply(c.ZScore(ctx, w[1], w[2]))
	case "ZINCRBY":
		return reply(c.ZIncrBy(ctx, w[1], number(w[2]), w[3]))
	case "MSET":
		return reply(c.MSet(ctx, w[1:]))
	case "MGET":
		return reply(c.MGet(ctx, w[1:]...))
	case "DEL":
		return reply(c.Del(ctx, w[1:]...))
	case "EVAL":
		return reply(c.Eval(ctx, w[1], w[3:4], anys(w[4:])...))
	case "INFO":
		return reply(c.Info(ctx))
	case "CLIENT":
		if w[1] == "GETNAME" {
			return reply(c.ClientGetName(ctx))
		}
		info := c.(*redis.Client).ClientInfo(ctx)
		return func() (any, error) {
			if info.Err() != nil {
				return nil, info.Err()
			}
			return fmt.Sprint("id=", info.Val().ID), nil
		}
	}
	panic("no command " + w[0])
}

// reply is a command's result, with nil for what is missing.
func reply[T any](cmd interface{ Result() (T, error) }) func() (any, error) {
	return func() (any, error) { return present(cmd.Result()) }
}

func present[T any](v T, err error) (any, error) {
	if errors.Is(err, redis.Nil) {
		return nil, nil
	}
	return v, err
}

func anys(list []string) []any {
	var all []any
	for _, s := range list {
		all = append(all, s)
	}
	return all
}

func number(s string) float64 {
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		panic(err)
	}
	return f
}
