package inspect

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
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

// network is that of an address which is a path or host:port.
func network(addr string) string {
	if strings.HasPrefix(addr, "/") {
		return "unix"
	}
	return "tcp"
}

// ask sends a request without a body to p and reads the JSON of the answer into v. An answer that is not 200 is an error with its
// text.
func ask(method string, p *pages, page string, query url.Values, timeout time.Duration, v any) error {
	status, body, err := p.get(method, page, query, timeout, math.MaxInt64)
	if err != nil {
		return err
	}
	if status != http.StatusOK {
		var said struct{ Error string }
		if json.Unmarshal(body, &said) == nil && said.Error != "" {
			return fmt.Errorf("%s: %s", p.who(), said.Error)
		}
		return fmt.Errorf("%s%s: %d %s", p.addr, page, status, http.StatusText(status))
	}
	if err := json.Unmarshal(body, v); err != nil {
		return fmt.Errorf("%s%s: %w", p.addr, page, err)
	}
	return nil
}

func reloadCommand() *Command {
	return &Command{
		Name:    "reload",
		Args:    targetUsage,
		Summary: "make a running proxy read its configuration again",
		Help: "Makes a running proxy read its configuration file again and shows what has changed. A file with mistakes changes\n" +
			"nothing; the mistakes are shown, and the exit status is 1.",
		build: func(fs *pflag.FlagSet) action {
			admin := targetFlags(fs, engine.DefaultAdmin)
			return func(args []string, stdout, _ io.Writer) error {
				if len(args) > 0 {
					return fmt.Errorf("%w: it takes no arguments", errUsage)
				}
				if err := admin.find(); err != nil {
					return err
				}
				var changes engine.Changes
				if err := ask(http.MethodPost, admin, "/reload", nil, reloadPatience, &changes); err != nil {
					return err
				}
				fmt.Fprintf(stdout, "%s: %v\n", admin.who(), changes)
				for _, note := range changes.Notes {
					fmt.Fprintln(stdout, note)
				}
				return nil
			}
		},
	}
}
