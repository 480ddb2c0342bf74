package daemon

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"
)

// tie holds the lifeline of a script's programs until the script ends.
func tie(e *testscript.Env) error {
	dir, err := os.MkdirTemp("", "life") // not the script's own: its name may be too long for a socket
	if err != nil {
		return err
	}
	l, err := net.Listen("unix", dir+"/line")
	if err != nil {
		return err
	}
	var mu sync.Mutex
	var held []net.Conn
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			held = append(held, c)
			mu.Unlock()
		}
	}()
	e.Defer(func() {
		_ = l.Close()
		_ = os.RemoveAll(dir)
		mu.Lock()
		defer mu.Unlock()
		for _, c := range held {
			_ = c.Close()
		}
	})
	e.Setenv(lifeline, dir+"/line")
	return nil
}

// TestScript runs testdata/script/*.txtar. Besides testscript's own commands they have:
//
//	exits N program args...   run it and want exit status N
//	await FILE REGEXP [VAR]   wait until FILE has a match; VAR becomes the first group
//	gone FILE                 wait until FILE is gone
//	ended PID                 wait until the process is gone
//	signal NAME               send a signal to the programs in the background
//	daemon FILE VAR           wait until FILE holds a pid; VAR becomes it
//	signalpid NAME FILE       send a signal to the process that FILE names
//	hold VAR                  occupy a port of 127.0.0.1 until the script ends; VAR becomes its number
//	subst FILE...             replace $VAR in the files
//	stats FILE1 FILE2 VAR     be a stats port that says FILE1 once and then FILE2; VAR becomes its address
//	answer FILE VAR           be admin pages that answer every question with FILE; VAR becomes their address
//
// and the programs redis: redis HOST:PORT|PATH COMMAND ARGS... prints the reply as it came; and crowd: crowd HOST:PORT N
// connects N clients at once, asks each for a key and prints how many got what; and slow: slow PATH FILE is a Redis server
// that makes the file ready when it listens and asked when it was asked for a key, and answers +late once FILE is there.
func TestScript(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(e *testscript.Env) error {
			e.Setenv("GORACE", "atexit_sleep_ms=0") // a race build would sleep for a second at each exit
			return tie(e)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":  cmdExits,
			"await":  cmdAwait,
			"gone":   cmdGone,
			"ended":  cmdEnded,
			"signal": cmdSignal,

			"daemon":    cmdDaemon,
			"signalpid": cmdSignalPid,

			"hold":   cmdHold,
			"subst":  cmdSubst,
			"stats":  cmdStats,
			"answer": cmdAnswer,
		},
	})
}

// patience bounds every wait for a condition; only a failing test uses it up.
const patience = 30 * time.Second

func until(ts *testscript.TestScript, what string, cond func() bool) {
	for deadline := time.Now().Add(patience); !cond(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			ts.Fatalf("still waiting for %s", what)
		}
	}
}

func cmdExits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits N program args...")
	}
	status := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			ts.Fatalf("%v", err)
		}
		status = exit.ExitCode()
	}
	if strconv.Itoa(status) != args[0] {
		ts.Fatalf("%s exits with status %d; want %s", args[1], status, args[0])
	}
}

func cmdAwait(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 || len(args) > 3 {
		ts.Fatalf("usage: await FILE REGEXP [VAR]")
	}
	re, err := regexp.Compile("(?m)" + args[1])
	ts.Check(err)
	until(ts, fmt.Sprintf("%q in %s", args[1], args[0]), func() bool {
		data, _ := os.ReadFile(ts.MkAbs(args[0]))
		m := re.FindStringSubmatch(string(data))
		if m != nil && len(args) == 3 {
			ts.Setenv(args[2], m[1])
		}
		return m != nil
	})
}

func cmdGone(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: gone FILE")
	}
	until(ts, args[0]+" to go", func() bool {
		_, err := os.Stat(ts.MkAbs(args[0]))
		return errors.Is(err, os.ErrNotExist)
	})
}

func cmdSignal(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 || unix.SignalNum(args[0]) == 0 {
		ts.Fatalf("usage: signal NAME")
	}
	for _, c := range ts.BackgroundCmds() {
		ts.Check(c.Process.Signal(unix.SignalNum(args[0])))
	}
}

func cmdDaemon(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: daemon FILE VAR")
	}
	cmdAwait(ts, false, []string{args[0], `\A(\d+)\z`, args[1]})
}

func cmdEnded(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: ended PID")
	}
	pid, err := strconv.Atoi(args[0])
	ts.Check(err)
	until(ts, "process "+args[0]+" to end", func() bool {
		// It may be that nobody has asked how it ended; but as long as it has other threads, they hold its sockets.
		state, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		threads, _ := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
		return errors.Is(unix.Kill(pid, 0), unix.ESRCH) || strings.Contains(string(state), ") Z ") && len(threads) <= 1
	})
}

func cmdSignalPid(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 || unix.SignalNum("SIG"+args[0]) == 0 {
		ts.Fatalf("usage: signalpid NAME FILE")
	}
	pid, err := strconv.Atoi(ts.ReadFile(args[1]))
	ts.Check(err)
	ts.Check(unix.Kill(pid, unix.SignalNum("SIG"+args[0])))
}

func cmdHold(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: hold VAR")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	ts.Defer(func() { l.Close() })
	ts.Setenv(args[0], strconv.Itoa(l.Addr().(*net.TCPAddr).Port))
}

func cmdSubst(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: subst FILE...")
	}
	for _, name := range args {
		text := os.Expand(ts.ReadFile(name), ts.Getenv)
		ts.Check(os.WriteFile(ts.MkAbs(name), []byte(text), 0o644))
	}
}

func cmdStats(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: stats FILE1 FILE2 VAR")
	}
	first, then := ts.ReadFile(args[0]), ts.ReadFile(args[1])
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	ts.Defer(func() { l.Close() })
	ts.Setenv(args[2], l.Addr().String())
	go func() {
		for text := first; ; text = then {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = io.WriteString(c, text)
			c.Close()
		}
	}()
}

func cmdAnswer(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: answer FILE VAR")
	}
	text := ts.ReadFile(args[0])
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, text) }))
	ts.Defer(s.Close)
	ts.Setenv(args[1], s.Listener.Addr().String())
}
