package main

import (
	"context"
	"fmt"

	"github.com/redis/rueidis"
)

func dialRueidis(_ context.Context, to target) (client, error) {
	return newRueidis(to, true)
}

// dialRueidisCaching is with the library's defaults: it asks to be told of keys that change.
func dialRueidisCaching(_ context.Context, to target) (client, error) {
	return newRueidis(to, false)
}

func newRueidis(to target, disableCache bool) (client, error) {
	c, err := rueidis.NewClient(rueidis.ClientOption{
		InitAddress: []string{to.addr}, ClientName: to.name, SelectDB: to.db, DisableCache: disableCache,
		AlwaysRESP2: to.protocol == 2, TLSConfig: to.tls,
	})
	if err != nil {
		return nil, err
	}
	send := func(b rueidis.Builder, do func(context.Context, ...rueidis.Completed) []rueidis.RedisResult) sender {
		return func(ctx context.Context, commands ...[]string) []result {
			var all []rueidis.Completed
			for _, words := range commands {
				if command := b.Arbitrary(words...); words[0] == "BLPOP" || words[0] == "XREADGROUP" {
					all = append(all, command.Blocking())
				} else {
					all = append(all, command.Build())
				}
			}
			var results []result
			for _, r := range do(ctx, all...) {
				results = append(results, r)
			}
			return results
		}
	}
	return twin{
		send: send(c.B(), c.DoMulti),
		dedicated: func(_ context.Context, body func(sender) error) error {
			return c.Dedicated(func(d rueidis.DedicatedClient) error { return body(send(d.B(), d.DoMulti)) })
		},
		eval: func(ctx context.Context, script, key, arg string) result {
			return rueidis.NewLuaScript(script).Exec(ctx, c, []string{key}, []string{arg})
		},
		receive: func(ctx context.Context, pattern bool, name string, subscribed func(), message func(pattern, channel, payload string)) error {
			ctx = rueidis.WithOnSubscriptionHook(ctx, func(s rueidis.PubSubSubscription) {
				if s.Kind == "subscribe" || s.Kind == "psubscribe" {
					subscribed()
				}
			})
			command := c.B().Subscribe().Channel(name).Build()
			if pattern {
				command = c.B().Psubscribe().Pattern(name).Build()
			}
			return c.Receive(ctx, command, func(m rueidis.PubSubMessage) {
				message(m.Pattern, m.Channel, m.Message)
			})
		},
		scores: func(r result) ([]scored, error) {
			pairs, err := r.(rueidis.RedisResult).AsZScores()
			var all []scored
			for _, z := range pairs {
				all = append(all, scored{z.Member, z.Score})
			}
			return all, err
		},
		entries: func(r result) ([]any, error) {
			streams, err := r.(rueidis.RedisResult).AsXRead()
			all := []any{}
			for _, entries := range streams {
				for _, e := range entries {
					all = append(all, fmt.Sprint(e.ID, " ", e.FieldValues))
				}
			}
			return all, err
		},
		page: func(r result) (uint64, []string, error) {
			p, err := r.(rueidis.RedisResult).AsScanEntry()
			return p.Cursor, p.Elements, err
		},
		isNil:    rueidis.IsRedisNil,
		shutdown: c.Close,
	}, nil
}
