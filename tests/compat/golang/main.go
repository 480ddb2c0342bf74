// Command golang goes through the scenarios with one of Go's client libraries; tests/compat/doc.go tells how.
//
//	golang LIBRARY PROTOCOL PORT
package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"runtime/debug"
	"strings"
	"time"

	"compat/sealed"
)

// stepLimit is enough for each step: a library that waits longer for a reply on loopback waits in vain.
const stepLimit = 10 * time.Second

// target is what a client is made for.
type target struct {
	addr     string
	protocol int    // 2 or 3
	name     string // what the client calls itself, "" for nothing
	db       int
	tls      *tls.Config // nil if it speaks none
}

// library makes a client with the library's defaults but for what the target says.
type library struct {
	module string
	dial   func(ctx context.Context, to target) (client, error)
}

// client is one library's client. Commands are lists of words, and each method hands them to what the library offers for
// that command. Replies have the forms that the scenario checks: string, int64, float64, []any, map[string]string,
// []scored, and nil for what is missing.
type client interface {
	do(ctx context.Context, words ...string) (any, error)
	pipeline(ctx context.Context, commands [][]string) ([]any, error)
	// raw is the natural reply to a command that the library does not know.
	raw(ctx context.Context, words ...string) (any, error)
	// stored runs the script by the library's own means, EVALSHA at first.
	stored(ctx context.Context, script, key, arg string) (any, error)
	// transaction has commands carried out in one transaction.
	transaction(ctx context.Context, commands [][]string) ([]any, error)
	// watch does so if nobody changed the key in the meantime; errAborted if somebody did.
	watch(ctx context.Context, key string, meantime func(), commands [][]string) ([]any, error)
	// subscribe subscribes to a channel and a pattern, calls ready once it has, and hands on messages until one says end.
	subscribe(ctx context.Context, channel, pattern string, ready func(), message func(string)) error
	// scan is all keys that a pattern has, by the library's own iterator if it has one.
	scan(ctx context.Context, pattern string) ([]string, error)
	close() error
}

var errAborted = errors.New("the transaction was aborted")

// end is the message that ends a subscription.
const end = "end"

// scored is a member of a sorted set.
type scored struct {
	member string
	score  float64
}

var libraries = map[string]library{
	"go-redis":             {"github.com/redis/go-redis/v9", dialGoRedis},
	"rueidis":              {"github.com/redis/rueidis", dialRueidis},
	"rueidis-client-cache": {"github.com/redis/rueidis", dialRueidisCaching},
	"valkey-go":            {"github.com/valkey-io/valkey-go", dialValkey},
	"redigo":               {"github.com/gomodule/redigo", dialRedigo},
}

func main() {
	if len(os.Args) != 4 || libraries[os.Args[1]].dial == nil {
		fmt.Fprintln(os.Stderr, "usage: golang LIBRARY resp2|resp3 PORT")
		os.Exit(2)
	}
	name, lib, protocol := os.Args[1], libraries[os.Args[1]], os.Args[2]
	report(map[string]string{"version": version(lib.module)})
	s := &scenario{
		dial: lib.dial,
		to: target{
			addr: net.JoinHostPort("127.0.0.1", os.Args[3]), protocol: int(protocol[len(protocol)-1] - '0'), tls: sealed.Config(),
		},
		prefix: name + "-" + protocol + ":",
	}
	for i, step := range s.steps() {
		saw, err := limited(step.body)
		if err != nil {
			report(map[string]string{"step": step.name, "error": err.Error()})
			if i == 0 {
				os.Exit(1) // nothing is tried after it could not connect
			}
			continue
		}
		report(map[string]string{"step": step.name, "saw": saw})
	}
}

// version is that of a module in this program.
func version(module string) string {
	info, _ := debug.ReadBuildInfo()
	for _, m := range info.Deps {
		if m.Path == module {
			return strings.TrimPrefix(m.Version, "v")
		}
	}
	return ""
}

// report prints one line for the Go test.
func report(line map[string]string) {
	if err := json.NewEncoder(os.Stdout).Encode(line); err != nil {
		fmt.Fprintln(os.Stderr, "golang:", err)
		os.Exit(1)
	}
}

// limited runs a step and leaves it alone when it takes too long: not every library heeds a context.
func limited(body func(context.Context) (string, error)) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), stepLimit)
	defer cancel()
	type outcome struct {
		saw string
		err error
	}
	done := make(chan outcome, 1)
	go func() {
		saw, err := body(ctx)
		done <- outcome{saw, err}
	}()
	select {
	case o := <-done:
		return o.saw, o.err
	case <-ctx.Done():
		return "", fmt.Errorf("no answer within %v", stepLimit)
	}
}
