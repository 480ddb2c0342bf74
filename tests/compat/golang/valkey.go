package main

import (
	"context"
	"fmt"

	"github.com/valkey-io/valkey-go"
)

func dialValkey(_ context.Context, to target) (client, error) {
	c, err := valkey.NewClient(valkey.ClientOption{
		InitAddress: []string{to.addr}, ClientName: to.name, SelectDB: to.db, DisableCache: true,
		AlwaysRESP2: to.protocol == 2, TLSConfig: to.tls,
	})
	if err != nil {
		return nil, err
	}
	send := func(b valkey.Builder, do func(context.Context, ...valkey.Completed) []valkey.ValkeyResult) sender {
		return func(ctx context.Context, commands ...[]string) []result {
			var all []valkey.Completed
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
			return c.Dedicated(func(d valkey.DedicatedClient) error { return body(send(d.B(), d.DoMulti)) })
		},
		eval: func(ctx context.Context, script, key, arg string) result {
			return valkey.NewLuaScript(script).Exec(ctx, c, []string{key}, []string{arg})
		},
		receive: func(ctx context.Context, pattern bool, name string, subscribed func(), message func(pattern, channel, payload string)) error {
			ctx = valkey.WithOnSubscriptionHook(ctx, func(s valkey.PubSubSubscription) {
				if s.Kind == "subscribe" || s.Kind == "psubscribe" {
					subscribed()
				}
			})
			command := c.B().Subscribe().Channel(name).Build()
			if pattern {
				command = c.B().Psubscribe().Pattern(name).Build()
			}
			return c.Receive(ctx, command, func(m valkey.PubSubMessage) {
				message(m.Pattern, m.Channel, m.Message)
			})
		},
		scores: func(r result) ([]scored, error) {
			pairs, err := r.(valkey.ValkeyResult).AsZScores()
			var all []scored
			for _, z := range pairs {
				all = append(all, scored{z.Member, z.Score})
			}
			return all, err
		},
		entries: func(r result) ([]any, error) {
			streams, err := r.(valkey.ValkeyResult).AsXRead()
			all := []any{}
			for _, entries := range streams {
				for _, e := range entries {
					all = append(all, fmt.Sprint(e.ID, " ", e.FieldValues))
				}
			}
			return all, err
		},
		page: func(r result) (uint64, []string, error) {
			p, err := r.(valkey.ValkeyResult).AsScanEntry()
			return p.Cursor, p.Elements, err
		},
		isNil:    valkey.IsValkeyNil,
		shutdown: c.Close,
	}, nil
}
