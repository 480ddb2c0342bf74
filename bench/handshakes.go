package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"time"
)

// handshakesCommand is the argument with which the bench runs itself as clients that connect over TLS, ask once and close, half of them
// with a session of before; until its input ends, when it prints handshakes as JSON:
//
//	bench handshakes -addr 127.0.0.1:6379 -ca cert.pem -rate 1000
const handshakesCommand = "handshakes"

// handshakes are what was done in a run.
type handshakes struct {
	Done    int     `json:"done"`
	Resumed int     `json:"resumed"`
	Failed  int     `json:"failed"`
	Seconds float64 `json:"seconds"`
	Error   string  `json:"error,omitempty"` // the first one
}

// handshakesAtOnce bounds the clients under way, so that a proxy that is too slow is told by handshakes that are missing.
const handshakesAtOnce = 200

func handshake(args []string, stdin io.Reader, stdout io.Writer) error {
	fs := flag.NewFlagSet(handshakesCommand, flag.ContinueOnError)
	addr := fs.String("addr", "", "where to connect to")
	ca := fs.String("ca", "", "the authority's certificate")
	rate := fs.Float64("rate", 1000, "handshakes a second")
	if err := fs.Parse(args); err != nil {
		return err
	}
	pem, err := os.ReadFile(*ca)
	if err != nil {
		return err
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem)
	h := &shaker{addr: *addr, roots: pool}
	ended := make(chan error, 1)
	go func() {
		_, err := io.Copy(io.Discard, stdin)
		ended <- err
	}()
	if err := h.run(*rate, ended); err != nil {
		return err
	}
	return json.NewEncoder(stdout).Encode(h.did)
}

// shaker makes handshakes, each with a goroutine of its own.
type shaker struct {
	addr  string
	roots *x509.CertPool

	mu  sync.Mutex
	did handshakes
}

// run makes them at a rate until ended has something.
func (h *shaker) run(rate float64, ended <-chan error) error {
	// A cache for each of some clients: one session that all resume at once would be used more often than it may.
	caches := make([]tls.ClientSessionCache, handshakesAtOnce)
	free := make(chan int, len(caches))
	for i := range caches {
		caches[i] = tls.NewLRUClientSessionCache(1)
		free <- i
	}
	begin, tick := time.Now(), time.NewTicker(time.Millisecond)
	defer tick.Stop()
	var all sync.WaitGroup
	defer all.Wait()
	for n := 0; ; {
		select {
		case err := <-ended:
			all.Wait()
			h.did.Seconds = time.Since(begin).Seconds()
			return err
		case <-tick.C:
		}
		for due := int(rate * time.Since(begin).Seconds()); n < due; n++ {
			select {
			case i := <-free:
				resume := n%2 == 1
				all.Go(func() {
					h.one(caches[i], resume)
					free <- i
				})
			default: // all are busy: this one is missing
			}
		}
	}
}

func (h *shaker) one(cache tls.ClientSessionCache, resume bool) {
	resumed, err := h.ask(cache, resume)
	h.mu.Lock()
	defer h.mu.Unlock()
	if err != nil {
		h.did.Failed++
		if h.did.Error == "" {
			h.did.Error = err.Error()
		}
		return
	}
	h.did.Done++
	if resumed {
		h.did.Resumed++
	}
}

// ask is one client. The reply also brings the ticket for the next.
func (h *shaker) ask(cache tls.ClientSessionCache, resume bool) (resumed bool, err error) {
	if !resume {
		cache.Put("127.0.0.1", nil)
	}
	d := tls.Dialer{Config: &tls.Config{RootCAs: h.roots, ServerName: "127.0.0.1", ClientSessionCache: cache, CurvePreferences: []tls.CurveID{tls.CurveP256}}}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	c, err := d.DialContext(ctx, "tcp", h.addr)
	if err != nil {
		return false, err
	}
	defer closeQuietly(c)
	if _, err := io.WriteString(c, "PING\r\n"); err != nil {
		return false, err
	}
	line, err := bufio.NewReader(c).ReadString('\n')
	if err == nil && line != "+PONG\r\n" {
		err = fmt.Errorf("PING is answered %q", line)
	}
	return c.(*tls.Conn).ConnectionState().DidResume, err
}

// startHandshakes starts what makes handshakes with addr beside a load. stop ends it.
func (b *bench) startHandshakes(ctx context.Context, w workload, addr string) (stop func() (handshakes, error), err error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	argv := pinned(b.procs.place.client, []string{
		self, handshakesCommand, "-addr", addr, "-ca", b.procs.tls.cert, "-rate", strconv.FormatFloat(w.Handshakes, 'f', 0, 64),
	})
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.SysProcAttr = ownGroup()
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return func() (h handshakes, err error) {
		closeQuietly(stdin)
		err = json.NewDecoder(stdout).Decode(&h)
		err = errors.Join(err, cmd.Wait())
		if err == nil && h.Failed > 0 {
			err = fmt.Errorf("%d handshakes failed: %s", h.Failed, h.Error)
		}
		return h, err
	}, nil
}
