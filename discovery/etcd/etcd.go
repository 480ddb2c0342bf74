// Package etcd finds servers in etcd: each key below a prefix is a server's name, and its value says where it is. It speaks the HTTP form of etcd's
// API (grpc-gateway), which each etcd has since 3.4: etcd's own client makes the program 8 MB larger, and its build three times as long.
package etcd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"cashew/discovery"
	"cashew/discovery/web"
)

// watchTime is for how long changes are waited for before all is read again, whether or not there were any: a connection may have died in silence.
const watchTime = time.Minute

// Options say what is asked, and whom.
type Options struct {
	web.Client
	Prefix             string
	Username, Password string // "": nobody logs in
}

type source struct {
	Options
	token string // of a login; "": none yet
}

// New is a source of the servers below a prefix.
func New(o Options) discovery.Source { return &source{Options: o} }

// Watch reads all keys, and again each time that one of them has changed.
func (s *source) Watch(ctx context.Context, tell func(lines []string, err error)) {
	defer s.Close()
	revision := int64(0)
	forgets := func(err error) error {
		if err != nil {
			s.token = "" // it may have expired
		}
		return err
	}
	discovery.Rounds(ctx, tell, func(ctx context.Context) (lines []string, err error) {
		lines, revision, err = s.read(ctx)
		if _, nonsense := errors.AsType[*discovery.Nonsense](err); nonsense {
			return lines, err
		}
		return lines, forgets(err)
	}, func(ctx context.Context) error { return forgets(s.await(ctx, revision+1)) })
}

// number is an int64, which JSON of protocol buffers has as a text.
type number int64

// UnmarshalJSON implements json.Unmarshaler.
func (n *number) UnmarshalJSON(text []byte) error {
	v, err := strconv.ParseInt(strings.Trim(string(text), `"`), 10, 64)
	*n = number(v)
	return err
}

type header struct{ Revision number }

// span is all keys that begin with the prefix.
type span struct {
	Key      []byte `json:"key"`
	RangeEnd []byte `json:"range_end"`
}

func (s *source) span() span { return span{[]byte(s.Prefix), after(s.Prefix)} }

// after is the first key behind all that begin with a prefix.
func after(prefix string) []byte {
	end := []byte(prefix)
	for i := len(end) - 1; i >= 0; i-- {
		if end[i] < 0xff {
			end[i]++
			return end[:i+1]
		}
	}
	return []byte{0} // no key is: all from prefix on
}

// read reads all servers, at a revision.
func (s *source) read(ctx context.Context) (lines []string, revision int64, err error) {
	var r struct {
		Header header
		Kvs    []struct{ Key, Value []byte }
	}
	if err := s.post(ctx, "/v3/kv/range", s.span(), &r); err != nil {
		return nil, 0, err
	}
	for _, kv := range r.Kvs {
		name := strings.TrimPrefix(string(kv.Key), s.Prefix)
		if name == "" {
			continue
		}
		line, err := line(name, kv.Value)
		if err != nil {
			return nil, int64(r.Header.Revision), &discovery.Nonsense{Err: fmt.Errorf("etcd: key %q: %w", kv.Key, err)}
		}
		lines = append(lines, line)
	}
	return lines, int64(r.Header.Revision), nil
}

// line is a server's line, by its name and its value: "host:port", "host:port:weight", or JSON with address and weight.
func line(name string, value []byte) (string, error) {
	if strings.ContainsAny(name, " \t\r\n") {
		return "", errors.New("is no name, for it has blanks")
	}
	if strings.HasPrefix(strings.TrimSpace(string(value)), "{") {
		v := struct {
			Address string
			Weight  int
		}{Weight: 1}
		if err := json.Unmarshal(value, &v); err != nil {
			return "", err
		}
		return discovery.Line(name, v.Address, v.Weight)
	}
	text, err := discovery.Text(string(value))
	if err != nil {
		return "", fmt.Errorf("its value %w", err)
	}
	if strings.ContainsAny(text, " \t\r\n") || strings.HasPrefix(text, "/") {
		return "", errors.New(`its value is no "host:port:weight"`)
	}
	if line, err := discovery.Line(name, text, 1); err == nil {
		return line, nil
	}
	return text + " " + name, nil // whether it is one is for who reads the list
}

// await waits until a key changes from a revision on, or all is to be read again.
func (s *source) await(ctx context.Context, revision int64) error {
	ctx, cancel := context.WithTimeout(ctx, watchTime)
	defer cancel()
	var q struct {
		Create struct {
			span
			StartRevision int64 `json:"start_revision"`
		} `json:"create_request"`
	}
	q.Create.span, q.Create.StartRevision = s.span(), revision
	body, err := json.Marshal(q)
	if err != nil {
		return err
	}
	answer, err := s.Ask(ctx, http.MethodPost, "/v3/watch", s.login(), body)
	if err != nil {
		return err
	}
	defer answer.Body.Close() //nolint:errcheck // it is read no further
	for d := json.NewDecoder(answer.Body); ; {
		var w struct {
			Result struct {
				Canceled bool
				Events   []json.RawMessage
			}
			Error *struct{ Message string }
		}
		switch err := d.Decode(&w); {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, io.EOF):
			return errors.New("etcd: the watch ended")
		case err != nil:
			return err
		case w.Error != nil:
			return errors.New("etcd: " + w.Error.Message)
		case w.Result.Canceled:
			return errors.New("etcd: the watch was canceled")
		case len(w.Result.Events) > 0:
			return nil
		}
	}
}

// post asks for something, after a login if one is needed: a token may have expired, or be of an older state of who may do what.
func (s *source) post(ctx context.Context, path string, question, answer any) error {
	known := s.token != ""
	err := s.try(ctx, path, question, answer)
	if _, refused := errors.AsType[*web.Status](err); !refused || !known {
		return err
	}
	s.token = ""
	return s.try(ctx, path, question, answer)
}

func (s *source) try(ctx context.Context, path string, question, answer any) error {
	if s.Username != "" && s.token == "" && path != authenticate {
		var r struct{ Token string }
		if err := s.try(ctx, authenticate, map[string]string{"name": s.Username, "password": s.Password}, &r); err != nil {
			return fmt.Errorf("etcd: login: %w", err)
		}
		s.token = r.Token
	}
	body, err := json.Marshal(question)
	if err != nil {
		return err
	}
	_, err = s.All(ctx, http.MethodPost, path, s.login(), body, answer)
	return err
}

const authenticate = "/v3/auth/authenticate"

func (s *source) login() http.Header {
	h := http.Header{"Content-Type": {"application/json"}}
	if s.token != "" {
		h.Set("Authorization", s.token)
	}
	return h
}
