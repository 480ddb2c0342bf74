package main

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"
)

// These steps are about what holds on a client's connection: transactions, what blocks, subscriptions, how it ends.

// poll is how long a condition is left alone that nobody announces.
const poll = 5 * time.Millisecond

// errors shows what a library makes of errors that a server sends.
func (s *scenario) errors(ctx context.Context) (string, error) {
	var seen []string
	for _, words := range [][]string{
		{"INCR", s.key("s")},
		{"GET", s.key("h")},
		{"EVALSHA", strings.Repeat("0", 40), "1", s.key("s")},
		{"EVAL", "return redis.error_reply('MINE of a script')", "1", s.key("s")},
	} {
		_, err := s.c.do(ctx, words...)
		seen = append(seen, fmt.Sprintf("%s %T %v", words[0], err, err))
	}
	// That the proxy tells those from others by their arity, too, is seen by what comes after.
	_, err := s.c.raw(ctx, "GET", s.key("s"), "too", "many")
	seen = append(seen, fmt.Sprintf("%T %v", err, err))
	return strings.Join(seen, "\n"), s.want(ctx, "value", "GET", s.key("s"))
}

func (s *scenario) unknownCommand(ctx context.Context) (string, error) {
	_, err := s.c.raw(ctx, "NOSUCH", s.key("s"))
	return fmt.Sprintf("%T %v", err, err), s.want(ctx, "value", "GET", s.key("s"))
}

func (s *scenario) multi(ctx context.Context) (string, error) {
	k, n := s.key("{t}"), s.key("{t}n")
	got, err := s.c.transaction(ctx, [][]string{{"SET", k, "v"}, {"INCR", n}, {"GET", k}})
	return show(got), err
}

// multiAnywhere is a transaction whose keys are on all servers.
func (s *scenario) multiAnywhere(ctx context.Context) (string, error) {
	var commands [][]string
	for i := range 8 {
		commands = append(commands, []string{"SET", s.key(fmt.Sprint("t", i)), "v"})
	}
	got, err := s.c.transaction(ctx, commands)
	return show(got), err
}

// watch has another client change a watched key, or not.
func (s *scenario) watch(ctx context.Context) error {
	k := s.key("{w}")
	other, err := s.dial(ctx, s.to)
	if err != nil {
		return err
	}
	sets := func(value string) func() {
		return func() {
			if _, e := other.do(ctx, "SET", k, value); e != nil {
				err = errors.Join(err, e)
			}
		}
	}
	sets("before")()
	if _, e := s.c.watch(ctx, k, sets("theirs"), [][]string{{"SET", k, "mine"}}); !errors.Is(e, errAborted) {
		err = errors.Join(err, fmt.Errorf("a transaction whose key was changed ended with %v", e))
	}
	err = errors.Join(err, s.want(ctx, "theirs", "GET", k))
	_, e := s.c.watch(ctx, k, func() {}, [][]string{{"SET", k, "mine"}})
	return errors.Join(err, e, s.want(ctx, "mine", "GET", k), other.close())
}

// blockingPop waits in vain once, and once until another client brings something.
func (s *scenario) blockingPop(ctx context.Context) error {
	k := s.key("list")
	if err := s.want(ctx, nil, "BLPOP", k, "0.1"); err != nil {
		return err
	}
	other, err := s.dial(ctx, s.to)
	if err != nil {
		return err
	}
	popped := make(chan error)
	go func() { popped <- s.want(ctx, []any{k, "v"}, "BLPOP", k, "5") }()
	_, err = other.do(ctx, "RPUSH", k, "v")
	return errors.Join(err, <-popped, other.close())
}

// pubsub publishes to a subscriber of a channel and of a pattern that the channel has.
func (s *scenario) pubsub(ctx context.Context) (string, error) {
	channel := s.key("channel")
	subscriber, err := s.dial(ctx, s.to)
	if err != nil {
		return "", err
	}
	var seen []string
	var published error
	err = subscriber.subscribe(ctx, channel, s.prefix+"ch*", func() {
		for _, payload := range []string{"hello", "\x00\xff", end} {
			_, e := s.c.do(ctx, "PUBLISH", channel, payload)
			published = errors.Join(published, e)
		}
	}, func(message string) { seen = append(seen, fmt.Sprintf("%q", message)) })
	slices.Sort(seen)
	if err = errors.Join(err, published, subscriber.close()); err == nil && len(seen) != 4 {
		err = fmt.Errorf("messages: %q", seen)
	}
	return strings.Join(seen, "\n"), err
}

func (s *scenario) scan(ctx context.Context) error {
	var want []string
	for i := range 200 {
		k := s.key(fmt.Sprintf("scan%03d", i))
		if err := s.want(ctx, "OK", "SET", k, "v"); err != nil {
			return err
		}
		want = append(want, k)
	}
	got, err := s.c.scan(ctx, s.prefix+"scan*")
	slices.Sort(got)
	if got = slices.Compact(got); err == nil && !slices.Equal(got, want) { // SCAN may name a key twice
		err = fmt.Errorf("SCAN found %d keys, want %d", len(got), len(want))
	}
	return err
}

func (s *scenario) scanKey(ctx context.Context) error {
	got, err := s.c.do(ctx, "HSCAN", s.key("h"), "0", "COUNT", "1000")
	if list, ok := got.([]any); err == nil && (!ok || len(list) != 6) {
		err = fmt.Errorf("HSCAN = %s", show(got))
	}
	return err
}

// streams has two members of a group read, acknowledge, and wait in vain.
func (s *scenario) streams(ctx context.Context) (string, error) {
	k := s.key("stream")
	err := s.want(ctx, "OK", "XGROUP", "CREATE", k, "g", "0", "MKSTREAM")
	for i := range 5 {
		id := fmt.Sprintf("%d-1", i+1)
		err = errors.Join(err, s.want(ctx, id, "XADD", k, id, "f", fmt.Sprint("v", i)))
	}
	var seen []string
	read := func(consumer string) {
		got, e := s.c.do(ctx, "XREADGROUP", "GROUP", "g", consumer, "COUNT", "3", "BLOCK", "50", "STREAMS", k, ">")
		err = errors.Join(err, e)
		seen = append(seen, consumer+" "+show(got))
	}
	read("one")
	read("two")
	err = errors.Join(err,
		s.want(ctx, int64(2), "XACK", k, "g", "1-1", "2-1"),
		s.want(ctx, int64(3), "XPENDING", k, "g"))
	read("one") // there is nothing left
	return strings.Join(seen, "\n"), err
}

// database goes to one by the library's own option.
func (s *scenario) database(ctx context.Context) (string, error) {
	to := s.to
	to.db = 1
	c, err := s.dial(ctx, to)
	if err != nil {
		return "", err
	}
	_, set := c.do(ctx, "SET", s.key("db"), "one")
	got, get := c.do(ctx, "GET", s.key("db"))
	return show(got), errors.Join(set, get, c.close(), s.want(ctx, nil, "GET", s.key("db")))
}

// reconnect has another client end a client's connection; the library may show that once, and then has another one.
func (s *scenario) reconnect(ctx context.Context) error {
	victim, err := s.dial(ctx, s.to)
	if err != nil {
		return err
	}
	id, err := victim.raw(ctx, "CLIENT", "ID")
	if err != nil {
		return err
	}
	killed, err := s.c.raw(ctx, "CLIENT", "KILL", "ID", fmt.Sprint(id))
	if err != nil || !reflect.DeepEqual(killed, int64(1)) {
		return fmt.Errorf("CLIENT KILL = %v, %w", killed, err)
	}
	var got any
	for ctx.Err() == nil {
		if got, err = victim.do(ctx, "GET", s.key("s")); err == nil {
			break
		}
		time.Sleep(poll)
	}
	if got != "value" {
		err = errors.Join(err, fmt.Errorf("GET = %v", got))
	}
	return errors.Join(err, victim.close())
}
