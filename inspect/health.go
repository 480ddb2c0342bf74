package inspect

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"

	"github.com/spf13/pflag"

	"cashew/engine"
)

func healthCommand() *Command {
	return &Command{
		Name:    "health",
		Args:    "[--admin ADDR]",
		Summary: "is a running proxy ready for clients?",
		Help: "Asks the admin page /readyz, for container health checks. Exit status 0 if the proxy is ready; 1 if it is not or can't\n" +
			"be asked, and says why.",
		build: func(fs *pflag.FlagSet) action {
			admin := fs.String("admin", engine.DefaultAdmin, adminUsage)
			return func(args []string, stdout, _ io.Writer) error {
				if len(args) > 0 {
					return fmt.Errorf("%w: it takes no arguments", errUsage)
				}
				return health(*admin, stdout)
			}
		},
	}
}

func health(addr string, stdout io.Writer) error {
	client := http.Client{Timeout: patience, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network(addr), addr)
		},
	}}
	rsp, err := client.Get("http://localhost/readyz")
	if err != nil {
		return err
	}
	defer rsp.Body.Close() //nolint:errcheck // it was read to its end, or is of no use any more
	body, err := io.ReadAll(io.LimitReader(rsp.Body, 64<<10))
	if err != nil {
		return err
	}
	text := strings.TrimSpace(string(body))
	if rsp.StatusCode != http.StatusOK {
		return errors.New(text)
	}
	fmt.Fprintln(stdout, text)
	return nil
}
