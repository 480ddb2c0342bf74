// Command asynq is an application of that framework: a server that carries out tasks, and who hands them in; tests/compat/doc.go
// tells how.
//
//	asynq NAME resp3 PORT
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"time"

	"github.com/hibiken/asynq"
)

// limit is how long a task may take; poll is how long a condition is left alone that nobody announces.
const (
	limit = 10 * time.Second
	poll  = 10 * time.Millisecond
)

var (
	redis     asynq.RedisClientOpt
	client    *asynq.Client
	server    *asynq.Server
	inspector *asynq.Inspector
	cancelled atomic.Bool
)

// work carries out what a task is called.
func work(ctx context.Context, t *asynq.Task) error {
	var n int
	if err := json.Unmarshal(t.Payload(), &n); err != nil {
		return err
	}
	switch retried, _ := asynq.GetRetryCount(ctx); {
	case t.Type() == "fails":
		return fmt.Errorf("as it should: %w", asynq.SkipRetry)
	case t.Type() == "retried" && retried == 0:
		return errors.New("once more")
	case t.Type() == "waits":
		<-ctx.Done()
		cancelled.Store(true)
		return ctx.Err()
	}
	_, err := t.ResultWriter().Write([]byte(fmt.Sprint(2 * n)))
	return err
}

// enqueue hands in a task whose result is kept.
func enqueue(kind string, n int, options ...asynq.Option) (string, error) {
	payload, err := json.Marshal(n)
	if err != nil {
		return "", err
	}
	info, err := client.Enqueue(asynq.NewTask(kind, payload), append(options, asynq.Retention(time.Minute))...)
	if err != nil {
		return "", err
	}
	return info.ID, nil
}

// await waits until a task is in a state and checks its result.
func await(id string, state asynq.TaskState, result string) error {
	var info *asynq.TaskInfo
	var err error
	for deadline := time.Now().Add(limit); time.Now().Before(deadline); time.Sleep(poll) {
		if info, err = inspector.GetTaskInfo("default", id); err != nil {
			return err
		}
		if info.State == state {
			if string(info.Result) != result {
				return fmt.Errorf("result = %q, want %q", info.Result, result)
			}
			return nil
		}
	}
	return fmt.Errorf("a task is %v: %s", info.State, info.LastErr)
}

// does hands in a task and waits for its result.
func does(kind string, n int, options ...asynq.Option) error {
	id, err := enqueue(kind, n, options...)
	if err != nil {
		return err
	}
	return await(id, asynq.TaskStateCompleted, fmt.Sprint(2*n))
}

var steps = []struct {
	name string
	body func() error
}{
	{"connect", func() error {
		client, inspector = asynq.NewClient(redis), asynq.NewInspector(redis)
		server = asynq.NewServer(redis, asynq.Config{
			Concurrency: 4, TaskCheckInterval: 10 * time.Millisecond, DelayedTaskCheckInterval: 50 * time.Millisecond,
			RetryDelayFunc:  func(int, error, *asynq.Task) time.Duration { return 10 * time.Millisecond },
			ShutdownTimeout: time.Second,
		})
		return errors.Join(client.Ping(), server.Start(asynq.HandlerFunc(work)), does("doubles", 1))
	}},
	{"50 tasks with results", func() error {
		var ids []string
		for n := range 50 {
			id, err := enqueue("doubles", n)
			if err != nil {
				return err
			}
			ids = append(ids, id)
		}
		for n, id := range ids {
			if err := await(id, asynq.TaskStateCompleted, fmt.Sprint(2*n)); err != nil {
				return err
			}
		}
		return nil
	}},
	{"later", func() error { return does("doubles", 7, asynq.ProcessIn(100*time.Millisecond)) }},
	{"a retry", func() error { return does("retried", 8) }},
	{"an error", func() error {
		id, err := enqueue("fails", 1)
		if err != nil {
			return err
		}
		return await(id, asynq.TaskStateArchived, "")
	}},
	{"unique", func() error {
		_, err := enqueue("doubles", 9, asynq.Unique(time.Minute), asynq.ProcessIn(time.Minute))
		_, again := enqueue("doubles", 9, asynq.Unique(time.Minute), asynq.ProcessIn(time.Minute))
		if !errors.Is(again, asynq.ErrDuplicateTask) {
			err = errors.Join(err, fmt.Errorf("a second one: %v", again))
		}
		return err
	}},
	{"queues and servers", func() error {
		queues, err := inspector.Queues()
		servers, err2 := inspector.Servers()
		info, err3 := inspector.GetQueueInfo("default")
		if err := errors.Join(err, err2, err3); err != nil {
			return err
		}
		if len(queues) != 1 || len(servers) != 1 || info.Completed < 52 || info.Archived != 1 || info.Scheduled != 1 {
			return fmt.Errorf("queues %v, %d servers, %+v", queues, len(servers), info)
		}
		return nil
	}},
	{"cancel", func() error { // by pub/sub
		id, err := enqueue("waits", 1, asynq.MaxRetry(0))
		if err != nil {
			return err
		}
		if err := await(id, asynq.TaskStateActive, ""); err != nil {
			return err
		}
		for deadline := time.Now().Add(limit); !cancelled.Load(); time.Sleep(poll) {
			if err := inspector.CancelProcessing(id); err != nil {
				return err
			}
			if time.Now().After(deadline) {
				return errors.New("the task goes on")
			}
		}
		return await(id, asynq.TaskStateArchived, "")
	}},
	{"quit", func() error {
		server.Shutdown()
		return errors.Join(client.Close(), inspector.Close())
	}},
}

func main() {
	redis = asynq.RedisClientOpt{Addr: net.JoinHostPort("127.0.0.1", os.Args[3])}
	info, _ := debug.ReadBuildInfo()
	for _, m := range info.Deps {
		if strings.HasSuffix(m.Path, "/asynq") {
			report(map[string]string{"version": strings.TrimPrefix(m.Version, "v")})
		}
	}
	for i, s := range steps {
		if err := s.body(); err != nil {
			report(map[string]string{"step": s.name, "error": err.Error()})
			if i == 0 {
				os.Exit(1) // nothing is tried after it could not connect
			}
			continue
		}
		report(map[string]string{"step": s.name, "saw": ""})
	}
}

// report prints one line for the test.
func report(line map[string]string) {
	if err := json.NewEncoder(os.Stdout).Encode(line); err != nil {
		panic(err)
	}
}
