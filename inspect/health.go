package inspect

import (
	"errors"
	"fmt"
	"io"
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
			admin := pagesFlags(fs, engine.DefaultAdmin, adminUsage)
			return func(args []string, stdout, _ io.Writer) error {
				if len(args) > 0 {
					return fmt.Errorf("%w: it takes no arguments", errUsage)
				}
				return health(admin, stdout)
			}
		},
	}
}

func health(p *pages, stdout io.Writer) error {
	status, body, err := p.get(http.MethodGet, "/readyz", nil, patience, 64<<10)
	if err != nil {
		return err
	}
	text := strings.TrimSpace(string(body))
	if status != http.StatusOK {
		return errors.New(text)
	}
	fmt.Fprintln(stdout, text)
	return nil
}
