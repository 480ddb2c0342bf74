package daemon

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"

	"cashew/inspect"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"cashew":   tied(cashew),
		nutcracker: tied(cashew),
		"redis":    redisMain,
		"slow":     slowMain,
		"crowd":    crowdMain,
	})
}

// cashew does what main.go does.
func cashew() {
	args := os.Args[1:]
	if status, ok := inspect.Run(args, os.Stdout, os.Stderr); ok {
		os.Exit(status)
	}
	b := Build{Commands: inspect.Names(), ListCommands: inspect.PrintList, HelpDemo: inspect.Find(inspect.Demo).PrintHelp}
	os.Exit(b.Run(args, os.Stdout, os.Stderr))
}

// lifeline is the environment variable with the path of a socket that the test holds while its script runs.
const lifeline = "LIFELINE"

// tied makes a program that ends when its script does, or the test binary, however that ends: a daemon has no parent that
// it could be found by.
func tied(program func()) func() {
	return func() {
		if path := os.Getenv(lifeline); path != "" {
			c, err := net.Dial("unix", path)
			if err != nil {
				os.Exit(1) // the script is over
			}
			go func() {
				_, _ = c.Read(make([]byte, 1)) // nobody writes
				_ = unix.Kill(os.Getpid(), unix.SIGKILL)
			}()
		}
		crashAt(os.Getenv("CRASH"))
		program()
	}
}

// crashAt has SIGWINCH, which the program does not know, crash the process in a way that the program itself must not have:
// with a fatal error of the runtime or a panic on a goroutine that recovers nothing.
func crashAt(how string) {
	if how == "" {
		return
	}
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, unix.SIGWINCH)
	go func() {
		<-asked
		if how == "fatal" {
			new(sync.Mutex).Unlock()
		}
		panic("crash")
	}()
}

// redisMain is the program redis of the scripts. It understands replies of one line and bulk strings.
func redisMain() {
	if err := ask(os.Stdout, os.Args[1], os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func slowMain() {
	l, err := net.Listen("unix", os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	_ = os.WriteFile("ready", []byte("ready"), 0o644)
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer c.Close()
			buf := make([]byte, 1024)
			for {
				if _, err := c.Read(buf); err != nil {
					return
				}
				_ = os.WriteFile("asked", []byte("asked"), 0o644)
				for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(2 * time.Millisecond) {
					if _, err := os.Stat(os.Args[2]); err == nil {
						break
					}
				}
				_, _ = io.WriteString(c, "+late\r\n")
			}
		}()
	}
}

func crowdMain() {
	n, _ := strconv.Atoi(os.Args[2])
	got := make(map[string]int)
	for i := range n {
		c, err := net.DialTimeout("tcp", os.Args[1], patience)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		defer c.Close()
		_ = c.SetDeadline(time.Now().Add(patience))
		_, _ = fmt.Fprintf(c, "EXISTS key%d\r\n", i)
		line, _ := bufio.NewReader(c).ReadString('\n')
		got[strings.TrimSpace(line)]++
	}
	for line, n := range got {
		fmt.Printf("%d clients got %q\n", n, line)
	}
}

func ask(w io.Writer, addr string, args []string) error {
	network := "tcp"
	if strings.HasPrefix(addr, "/") {
		network = "unix"
	}
	c, err := net.DialTimeout(network, addr, patience)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	var req strings.Builder
	fmt.Fprintf(&req, "*%d\r\n", len(args))
	for _, a := range args {
		fmt.Fprintf(&req, "$%d\r\n%s\r\n", len(a), a)
	}
	if _, err := io.WriteString(c, req.String()); err != nil {
		return err
	}
	r := bufio.NewReader(c)
	line, err := r.ReadString('\n')
	if err != nil {
		return err
	}
	fmt.Fprint(w, line)
	if n, err := strconv.Atoi(strings.TrimSpace(line[1:])); line[0] == '$' && err == nil && n >= 0 {
		_, err := io.CopyN(w, r, int64(n)+2)
		return err
	}
	return nil
}
