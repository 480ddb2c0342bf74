// Command golang goes through the scenario with one of Go's client libraries; tests/compat/doc.go tells how.
//
//	golang go-redis|rueidis|valkey-go|redigo PORT
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"time"
)

// stepLimit is enough for each step: a library that waits longer for a reply on loopback waits in vain.
const stepLimit = 10 * time.Second

// library makes a client of addr, with the library's defaults; name is what the client calls itself, "" for nothing.
type library func(ctx context.Context, addr, name string) (client, error)

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
	close() error
}

// scored is a member of a sorted set.
type scored struct {
	member string
	score  float64
}

var libraries = map[string]library{
	"go-redis":  dialGoRedis,
	"rueidis":   dialRueidis,
	"valkey-go": dialValkey,
	"redigo":    dialRedigo,
}

func main() {
	if len(os.Args) != 3 || libraries[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "usage: golang go-redis|rueidis|valkey-go|redigo PORT")
		os.Exit(2)
	}
	name := os.Args[1]
	s := &scenario{dial: libraries[name], addr: net.JoinHostPort("127.0.0.1", os.Args[2]), prefix: name + ":"}
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
