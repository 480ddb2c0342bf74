// Package web asks those who tell of servers by HTTP.
package web

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"cashew/tlsconn"
)

const (
	dialPatience  = 2 * time.Second
	replyPatience = 10 * time.Second // until an answer begins
	maxReply      = 16 << 20
	maxToldError  = 200 // bytes of what came with a status that is no success
)

// Client asks any of several. One goroutine at a time may call it.
type Client struct {
	From []string // "host:port", in the order in which they are tried
	TLS  *TLS     // nil: they speak none

	transport *http.Transport
	at        int // who answered last
}

// TLS are the files, in PEM, that are read for each connection, and the name that is to be in certificates.
type TLS struct {
	CAFile, CertFile, KeyFile string // "": whom the system trusts; no certificate is shown
	Name                      string // "": the host's
}

// Status is an answer that is no success.
type Status struct {
	Code int
	Text string
}

func (s *Status) Error() string {
	return fmt.Sprintf("%d %s: %s", s.Code, http.StatusText(s.Code), s.Text)
}

// Ask sends a request to the one who answered last, or to the next that does, and returns the answer, a success, whose body the caller closes. A
// request may be sent to several. ctx bounds also the reading of the body.
func (c *Client) Ask(ctx context.Context, method, path string, header http.Header, body []byte) (*http.Response, error) {
	err := errors.New("nobody is to be asked")
	for range c.From {
		var answer *http.Response
		if answer, err = c.askOne(ctx, method, path, header, body); err == nil {
			return answer, nil
		}
		if status := (*Status)(nil); ctx.Err() != nil || errors.As(err, &status) && status.Code < http.StatusInternalServerError {
			return nil, err // another would say the same
		}
		c.at = (c.at + 1) % len(c.From)
	}
	return nil, err
}

func (c *Client) askOne(ctx context.Context, method, path string, header http.Header, body []byte) (*http.Response, error) {
	if c.transport == nil {
		c.transport = &http.Transport{
			DialContext:           (&net.Dialer{Timeout: dialPatience, KeepAlive: replyPatience}).DialContext,
			DialTLSContext:        c.dialTLS,
			ResponseHeaderTimeout: replyPatience,
			IdleConnTimeout:       time.Minute,
		}
	}
	scheme := "http"
	if c.TLS != nil {
		scheme = "https"
	}
	r, err := http.NewRequestWithContext(ctx, method, scheme+"://"+c.From[c.at]+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	for name, values := range header {
		r.Header[name] = values
	}
	answer, err := c.transport.RoundTrip(r) // it follows no redirect: a token is for who was named alone
	if err != nil {
		return nil, err
	}
	if answer.StatusCode != http.StatusOK {
		defer answer.Body.Close() //nolint:errcheck // nothing is lost
		text, _ := io.ReadAll(io.LimitReader(answer.Body, maxToldError))
		return nil, &Status{answer.StatusCode, strings.TrimSpace(string(text))}
	}
	return answer, nil
}

// All is Ask for JSON, which it reads into answer. It returns the header of the reply.
func (c *Client) All(ctx context.Context, method, path string, header http.Header, body []byte, answer any) (http.Header, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*replyPatience)
	defer cancel()
	reply, err := c.Ask(ctx, method, path, header, body)
	if err != nil {
		return nil, err
	}
	defer reply.Body.Close() //nolint:errcheck // all was read
	data, err := io.ReadAll(io.LimitReader(reply.Body, maxReply+1))
	switch {
	case err != nil:
		return nil, err
	case len(data) > maxReply:
		return nil, fmt.Errorf("an answer of more than %d bytes", maxReply)
	}
	return reply.Header, json.Unmarshal(data, answer)
}

// Close gives up the connections that are open.
func (c *Client) Close() {
	if c.transport != nil {
		c.transport.CloseIdleConnections()
	}
}

// dialTLS opens a connection by the files as they are now.
func (c *Client) dialTLS(ctx context.Context, network, addr string) (net.Conn, error) {
	conf, err := c.TLS.config()
	if err != nil {
		return nil, err
	}
	d := tls.Dialer{NetDialer: &net.Dialer{Timeout: dialPatience, KeepAlive: replyPatience}, Config: conf}
	return d.DialContext(ctx, network, addr)
}

func (t *TLS) config() (*tls.Config, error) {
	conf := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: t.Name}
	var err error
	if t.CAFile != "" {
		if conf.RootCAs, err = tlsconn.LoadPool(t.CAFile); err != nil {
			return nil, err
		}
	}
	if t.CertFile != "" {
		pair, err := tlsconn.LoadPair(t.CertFile, t.KeyFile)
		if err != nil {
			return nil, err
		}
		conf.Certificates = []tls.Certificate{pair}
	}
	return conf, nil
}
