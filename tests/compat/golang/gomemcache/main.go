// Command gomemcache goes through the scenarios with the library of that name; tests/compat/doc.go tells how.
//
//	gomemcache NAME text PORT
package main

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"runtime/debug"
	"strings"

	"compat/sealed"

	"github.com/bradfitz/gomemcache/memcache"
)

const prefix = "gomemcache-text:"

var (
	c    *memcache.Client
	addr string
)

func item(name, value string) *memcache.Item {
	return &memcache.Item{Key: prefix + name, Value: []byte(value)}
}

// want checks a value; "" is for none.
func want(name, value string) error {
	got, err := c.Get(prefix + name)
	switch {
	case value == "" && errors.Is(err, memcache.ErrCacheMiss):
		return nil
	case err != nil:
		return err
	case string(got.Value) != value:
		return fmt.Errorf("get %s = %.100q, want %.100q", name, got.Value, value)
	}
	return nil
}

var steps = []struct {
	name string
	body func() (string, error)
}{
	{"connect", func() (string, error) {
		c = memcache.New(addr)
		if config := sealed.Config(); config != nil {
			c.DialContext = (&tls.Dialer{Config: config}).DialContext // as its documentation has it
		}
		return "", c.Ping()
	}},
	{"basic", func() (string, error) {
		missing := c.Delete(prefix + "missing")
		return fmt.Sprint(missing), errors.Join(
			c.Set(item("s", "value")), want("s", "value"), want("missing", ""), c.Delete(prefix+"s"), want("s", ""))
	}},
	{"flags", func() (string, error) {
		with := item("f", "v")
		with.Flags = 1<<32 - 1
		if err := c.Set(with); err != nil {
			return "", err
		}
		got, err := c.Get(prefix + "f")
		if err == nil && got.Flags != with.Flags {
			err = fmt.Errorf("flags = %d", got.Flags)
		}
		return "", err
	}},
	{"large", func() (string, error) {
		value := strings.Repeat("0123456789", 100_000)
		return "", errors.Join(c.Set(item("large", value)), want("large", value))
	}},
	{"too large", func() (string, error) {
		err := c.Set(item("huge", strings.Repeat("x", 2<<20)))
		return fmt.Sprint(err), want("huge", "")
	}},
	{"add, replace", func() (string, error) {
		replaced, added := c.Replace(item("a", "1")), c.Add(item("a", "2"))
		again := c.Add(item("a", "3"))
		return fmt.Sprint(replaced, added, again), errors.Join(c.Replace(item("a", "4")), want("a", "4"))
	}},
	{"append, prepend", func() (string, error) {
		missing := c.Append(item("ap", "x"))
		return fmt.Sprint(missing), errors.Join(
			c.Set(item("ap", "b")), c.Append(item("ap", "c")), c.Prepend(item("ap", "a")), want("ap", "abc"))
	}},
	{"counter", func() (string, error) {
		if err := c.Set(item("n", "5")); err != nil {
			return "", err
		}
		six, err := c.Increment(prefix+"n", 1)
		none, err2 := c.Decrement(prefix+"n", 100)
		_, missing := c.Increment(prefix+"missing", 1)
		_, number := c.Increment(prefix+"ap", 1)
		return fmt.Sprint(six, none, missing, number), errors.Join(err, err2)
	}},
	{"touch", func() (string, error) {
		missing := c.Touch(prefix+"missing", 10)
		gone := item("gone", "v")
		gone.Expiration = -1
		_, err := c.GetAndTouch(prefix+"n", 1000)
		return fmt.Sprint(missing), errors.Join(c.Touch(prefix+"n", 1000), err, c.Set(gone), want("gone", ""))
	}},
	{"many", func() (string, error) {
		var keys []string
		for i := range 50 {
			keys = append(keys, fmt.Sprint(prefix, "m", i))
			if i%5 == 3 {
				continue
			}
			if err := c.Set(item(fmt.Sprint("m", i), fmt.Sprint("v", i))); err != nil {
				return "", err
			}
		}
		got, err := c.GetMulti(keys)
		for i, k := range keys {
			if i%5 != 3 && (got[k] == nil || string(got[k].Value) != fmt.Sprint("v", i)) {
				err = errors.Join(err, fmt.Errorf("%s is wrong", k))
			}
		}
		return fmt.Sprint(len(got)), err
	}},
	{"cas", func() (string, error) {
		if err := c.Set(item("cas", "v")); err != nil {
			return "", err
		}
		first, err := c.Get(prefix + "cas")
		if err != nil {
			return "", err
		}
		second := *first
		first.Value, second.Value = []byte("w"), []byte("x")
		err = c.CompareAndSwap(first)
		return fmt.Sprint(c.CompareAndSwap(&second)), errors.Join(err, want("cas", "w"))
	}},
	{"concurrent", func() (string, error) {
		if err := c.Set(item("shared", "0")); err != nil {
			return "", err
		}
		errs := make(chan error)
		for range 4 {
			go func() {
				var all error
				for range 25 {
					_, err := c.Increment(prefix+"shared", 1)
					all = errors.Join(all, err)
				}
				errs <- all
			}()
		}
		return "", errors.Join(<-errs, <-errs, <-errs, <-errs, want("shared", "100"))
	}},
	{"quit", func() (string, error) { return "", c.Close() }},
}

func main() {
	addr = net.JoinHostPort("127.0.0.1", os.Args[3])
	info, _ := debug.ReadBuildInfo()
	for _, m := range info.Deps {
		if strings.HasSuffix(m.Path, "gomemcache") {
			print(map[string]string{"version": strings.TrimPrefix(m.Version, "v")})
		}
	}
	for _, s := range steps {
		saw, err := s.body()
		if err != nil {
			print(map[string]string{"step": s.name, "error": err.Error()})
			continue
		}
		print(map[string]string{"step": s.name, "saw": saw})
	}
}

func print(line map[string]string) {
	var b bytes.Buffer
	if err := json.NewEncoder(&b).Encode(line); err != nil {
		panic(err)
	}
	os.Stdout.Write(b.Bytes()) //nolint:errcheck // the test misses what is not there
}
