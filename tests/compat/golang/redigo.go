package main

import (
	"context"
	"errors"
	"strconv"

	"github.com/gomodule/redigo/redis"
)

type redigo struct{ *redis.Pool }

func dialRedigo(_ context.Context, addr, name string) (client, error) {
	var options []redis.DialOption
	if name != "" {
		options = append(options, redis.DialClientName(name))
	}
	p := &redis.Pool{Dial: func() (redis.Conn, error) { return redis.Dial("tcp", addr, options...) }}
	conn := p.Get()
	defer conn.Close()
	_, err := conn.Do("PING")
	return redigo{p}, err
}

func (c redigo) do(ctx context.Context, words ...string) (any, error) {
	conn, err := c.GetContext(ctx)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	v, err := conn.Do(words[0], anys(words[1:])...)
	return read(words[0], v, err)
}

func (c redigo) pipeline(ctx context.Context, commands [][]string) ([]any, error) {
	conn, err := c.GetContext(ctx)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	for _, words := range commands {
		if err := conn.Send(words[0], anys(words[1:])...); err != nil {
			return nil, err
		}
	}
	if err := conn.Flush(); err != nil {
		return nil, err
	}
	var all []any
	for _, words := range commands {
		v, err := conn.Receive()
		if v, err = read(words[0], v, err); err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return all, nil
}

func (c redigo) raw(ctx context.Context, words ...string) (any, error) {
	conn, err := c.GetContext(ctx)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	return conn.Do(words[0], anys(words[1:])...)
}

func (c redigo) stored(ctx context.Context, script, key, arg string) (any, error) {
	conn, err := c.GetContext(ctx)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	return redis.NewScript(1, script).DoContext(ctx, conn, key, arg)
}

func (c redigo) close() error { return c.Close() }

// read decodes a reply by the library's helpers, as an application would.
func read(command string, v any, err error) (any, error) {
	if err != nil || v == nil {
		return nil, err
	}
	switch command {
	case "HGETALL":
		return redis.StringMap(v, nil)
	case "SMEMBERS":
		members, err := redis.Strings(v, nil)
		return anys(members), err
	case "ZRANGE":
		flat, err := redis.Strings(v, nil)
		var all []scored
		for i := 0; i < len(flat); i += 2 {
			score, e := strconv.ParseFloat(flat[i+1], 64)
			err = errors.Join(err, e)
			all = append(all, scored{flat[i], score})
		}
		return all, err
	case "ZSCORE", "ZINCRBY":
		return redis.Float64(v, nil)
	case "TTL", "STRLEN", "INCR", "HSET", "SADD", "ZADD", "DEL":
		return redis.Int64(v, nil)
	case "MGET", "EVAL":
		return texts(v), nil
	}
	return redis.String(v, nil)
}

// texts turns the bytes of a nested reply into strings.
func texts(v any) any {
	switch v := v.(type) {
	case []byte:
		return string(v)
	case []any:
		all := make([]any, len(v))
		for i, e := range v {
			all[i] = texts(e)
		}
		return all
	}
	return v
}
