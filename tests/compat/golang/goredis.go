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

func dialGoRedis(ctx context.Context, to target) (client, error) {
	c := redis.NewClient(&redis.Options{Addr: to.addr, ClientName: to.name, Protocol: to.protocol, DB: to.db, TLSConfig: to.tls})
	return goRedis{c}, c.Ping(ctx).Err()
}

func (c goRedis) do(ctx context.Context, words ...string) (any, error) {
	return issue(ctx, c.Client, words)()
}

func (c goRedis) pipeline(ctx context.Context, commands [][]string) ([]any, error) {
	return execute(ctx, c.Pipeline(), commands)
}

func (c goRedis) transaction(ctx context.Context, commands [][]string) ([]any, error) {
	return execute(ctx, c.TxPipeline(), commands)
}

func (c goRedis) watch(ctx context.Context, key string, meantime func(), commands [][]string) (all []any, err error) {
	err = c.Watch(ctx, func(tx *redis.Tx) error {
		if err := tx.Get(ctx, key).Err(); err != nil {
			return err
		}
		meantime()
		all, err = execute(ctx, tx.TxPipeline(), commands)
		return err
	}, key)
	if errors.Is(err, redis.TxFailedErr) {
		err = errAborted
	}
	return all, err
}

// execute sends commands by a pipeline, which may be a transaction.
func execute(ctx context.Context, p redis.Pipeliner, commands [][]string) ([]any, error) {
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

func (c goRedis) subscribe(ctx context.Context, channel, pattern string, ready func(), message func(string)) error {
	s := c.Subscribe(ctx, channel)
	defer s.Close()
	if _, err := s.Receive(ctx); err != nil {
		return err
	}
	if err := s.PSubscribe(ctx, pattern); err != nil {
		return err
	}
	if _, err := s.Receive(ctx); err != nil {
		return err
	}
	ready()
	for {
		m, err := s.ReceiveMessage(ctx)
		if err != nil {
			return err
		}
		if m.Payload == end {
			return errors.Join(s.Unsubscribe(ctx), s.PUnsubscribe(ctx))
		}
		message(fmt.Sprint(m.Pattern, " ", m.Channel, " ", m.Payload))
	}
}

func (c goRedis) scan(ctx context.Context, pattern string) (keys []string, err error) {
	i := c.Scan(ctx, 0, pattern, 50).Iterator()
	for i.Next(ctx) {
		keys = append(keys, i.Val())
	}
	return keys, i.Err()
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
	case "BLPOP":
		seconds := max(1, number(w[len(w)-1])) // it knows no part of one
		popped := c.BLPop(ctx, time.Duration(seconds)*time.Second, w[1:len(w)-1]...)
		return func() (any, error) { return present(anys(popped.Val()), popped.Err()) }
	case "RPUSH":
		return reply(c.RPush(ctx, w[1], anys(w[2:])...))
	case "HSCAN":
		page := c.HScan(ctx, w[1], 0, "", 1000)
		return func() (any, error) {
			fields, _, err := page.Result()
			return anys(fields), err
		}
	case "PUBLISH":
		return reply(c.Publish(ctx, w[1], w[2]))
	case "XADD":
		return reply(c.XAdd(ctx, &redis.XAddArgs{Stream: w[1], ID: w[2], Values: w[3:]}))
	case "XGROUP":
		return reply(c.XGroupCreateMkStream(ctx, w[2], w[3], w[4]))
	case "XREADGROUP":
		return issueRead(ctx, c, w)
	case "XACK":
		return reply(c.XAck(ctx, w[1], w[2], w[3:]...))
	case "XPENDING":
		pending := c.XPending(ctx, w[1], w[2])
		return func() (any, error) { return pending.Val().Count, pending.Err() }
	case "EVALSHA":
		return reply(c.EvalSha(ctx, w[1], w[3:4]))
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

// issueRead calls XREADGROUP GROUP g c COUNT n BLOCK ms STREAMS key >.
func issueRead(ctx context.Context, c redis.Cmdable, w []string) func() (any, error) {
	read := c.XReadGroup(ctx, &redis.XReadGroupArgs{
		Group: w[2], Consumer: w[3], Count: int64(number(w[5])), Block: time.Duration(number(w[7])) * time.Millisecond,
		Streams: w[9:],
	})
	return func() (any, error) {
		all := []any{}
		for _, stream := range read.Val() {
			for _, m := range stream.Messages {
				all = append(all, fmt.Sprint(m.ID, " ", m.Values))
			}
		}
		return present(all, read.Err())
	}
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
