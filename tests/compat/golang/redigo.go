package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/gomodule/redigo/redis"
)

type redigo struct{ *redis.Pool }

func dialRedigo(_ context.Context, to target) (client, error) {
	options := []redis.DialOption{redis.DialUseTLS(to.tls != nil), redis.DialTLSConfig(to.tls)}
	if to.name != "" {
		options = append(options, redis.DialClientName(to.name))
	}
	if to.db != 0 {
		options = append(options, redis.DialDatabase(to.db))
	}
	p := &redis.Pool{
		MaxIdle: 1,
		Dial:    func() (redis.Conn, error) { return redis.Dial("tcp", to.addr, options...) },
		// As the library's documentation has it: who takes a connection out of the pool asks whether it lives.
		TestOnBorrow: func(c redis.Conn, _ time.Time) error {
			_, err := c.Do("PING")
			return err
		},
	}
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

func (c redigo) transaction(ctx context.Context, commands [][]string) ([]any, error) {
	conn, err := c.GetContext(ctx)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	return execQueued(conn, commands)
}

func (c redigo) watch(ctx context.Context, key string, meantime func(), commands [][]string) ([]any, error) {
	conn, err := c.GetContext(ctx)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	if _, err := conn.Do("WATCH", key); err != nil {
		return nil, err
	}
	meantime()
	return execQueued(conn, commands)
}

// execQueued has commands carried out in one transaction.
func execQueued(conn redis.Conn, commands [][]string) ([]any, error) {
	if err := conn.Send("MULTI"); err != nil {
		return nil, err
	}
	for _, words := range commands {
		if err := conn.Send(words[0], anys(words[1:])...); err != nil {
			return nil, err
		}
	}
	replies, err := redis.Values(conn.Do("EXEC"))
	if errors.Is(err, redis.ErrNil) {
		return nil, errAborted
	}
	for i := range replies {
		if replies[i], err = read(commands[i][0], replies[i], err); err != nil {
			return nil, err
		}
	}
	return replies, err
}

func (c redigo) subscribe(ctx context.Context, channel, pattern string, ready func(), message func(string)) error {
	conn, err := c.GetContext(ctx)
	if err != nil {
		return err
	}
	s := redis.PubSubConn{Conn: conn}
	defer s.Close()
	if err := errors.Join(s.Subscribe(channel), s.PSubscribe(pattern)); err != nil {
		return err
	}
	for {
		switch m := s.ReceiveContext(ctx).(type) {
		case error:
			return m
		case redis.Subscription:
			if m.Kind == "psubscribe" {
				ready()
			}
		case redis.Message:
			if string(m.Data) == end {
				return errors.Join(s.Unsubscribe(), s.PUnsubscribe())
			}
			message(m.Pattern + " " + m.Channel + " " + string(m.Data))
		}
	}
}

func (c redigo) scan(ctx context.Context, pattern string) (keys []string, err error) {
	conn, err := c.GetContext(ctx)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	for cursor := "0"; ; {
		page, err := redis.Values(conn.Do("SCAN", cursor, "MATCH", pattern, "COUNT", 50))
		if err != nil {
			return nil, err
		}
		var more []string
		if _, err := redis.Scan(page, &cursor, &more); err != nil {
			return nil, err
		}
		if keys = append(keys, more...); cursor == "0" {
			return keys, nil
		}
	}
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
	case "TTL", "STRLEN", "INCR", "HSET", "SADD", "ZADD", "DEL", "RPUSH", "PUBLISH", "XACK":
		return redis.Int64(v, nil)
	case "XPENDING":
		return v.([]any)[0], nil
	case "HSCAN":
		return texts(v.([]any)[1]), nil
	case "XREADGROUP":
		return entries(texts(v)), nil
	case "MGET", "EVAL", "BLPOP":
		return texts(v), nil
	}
	return redis.String(v, nil)
}

// entries shows those of a stream as go-redis has them.
func entries(v any) any {
	all := []any{}
	for _, stream := range v.([]any) {
		for _, e := range stream.([]any)[1].([]any) {
			id, pairs := e.([]any)[0], e.([]any)[1].([]any)
			all = append(all, fmt.Sprint(id, " ", map[string]any{pairs[0].(string): pairs[1]}))
		}
	}
	return all
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
