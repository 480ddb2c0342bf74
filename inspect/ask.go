package inspect

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"cashew/engine"
)

const (
	patience       = 30 * time.Second // for a running proxy to answer
	reloadPatience = 5 * time.Minute  // the same, while it may wait for a name server
)

const adminUsage = "host:port or /path of the running proxy's admin pages"

// network is that of an address which is a path or host:port.
func network(addr string) string {
	if strings.HasPrefix(addr, "/") {
		return "unix"
	}
	return "tcp"
}

// ask sends a request without a body to the admin pages at addr and reads the JSON of the answer into v. An answer that
// is not 200 is an error with its text.
func ask(method, addr, page string, query url.Values, timeout time.Duration, v any) error {
	client := http.Client{Timeout: timeout, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network(addr), addr)
		},
	}}
	host := addr
	if network(addr) == "unix" {
		host = "localhost"
	}
	target := url.URL{Scheme: "http", Host: host, Path: page, RawQuery: query.Encode()}
	req, err := http.NewRequest(method, target.String(), http.NoBody)
	if err != nil {
		return err
	}
	rsp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer rsp.Body.Close() //nolint:errcheck // it was read to its end, or is of no use any more
	body, err := io.ReadAll(rsp.Body)
	if err != nil {
		return err
	}
	if rsp.StatusCode != http.StatusOK {
		var said struct{ Error string }
		if json.Unmarshal(body, &said) == nil && said.Error != "" {
			return errors.New(said.Error)
		}
		return fmt.Errorf("%s%s: %s", addr, page, rsp.Status)
	}
	if err := json.Unmarshal(body, v); err != nil {
		return fmt.Errorf("%s%s: %w", addr, page, err)
	}
	return nil
}

func reloadCommand() *Command {
	return &Command{
		Name:    "reload",
		Args:    "[--admin ADDR]",
		Summary: "make a running proxy read its configuration again",
		Help: "Makes a running proxy read its configuration file again and shows what has changed. A file with mistakes changes\n" +
			"nothing; the mistakes are shown, and the exit status is 1.",
		build: func(fs *pflag.FlagSet) action {
			admin := fs.String("admin", engine.DefaultAdmin, adminUsage)
			return func(args []string, stdout, _ io.Writer) error {
				if len(args) > 0 {
					return fmt.Errorf("%w: it takes no arguments", errUsage)
				}
				var changes engine.Changes
				if err := ask(http.MethodPost, *admin, "/reload", nil, reloadPatience, &changes); err != nil {
					return err
				}
				fmt.Fprintln(stdout, changes)
				for _, note := range changes.Notes {
					fmt.Fprintln(stdout, note)
				}
				return nil
			}
		},
	}
}
