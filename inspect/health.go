package inspect

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/spf13/pflag"

	"cashew/engine"
)

func healthCommand() *Command {
	return &Command{
		Name:    "health",
		Args:    "[--live | --pool POOL] " + targetUsage,
		Summary: "is a running proxy ready for clients?",
		Help: "Asks the admin page /readyz: exit status 0 if the proxy serves and was not told to stop, 1 if it is not ready or can't be\n" +
			"asked, and says why. A pool without a live server counts with --pool POOL, for that pool, and where the configuration\n" +
			"says ready: pools. --live asks /healthz, whether the event loops answer at all: for what restarts a proxy that hangs.",
		build: func(fs *pflag.FlagSet) action {
			admin := targetFlags(fs, engine.DefaultAdmin)
			live := fs.Bool("live", false, "is it alive? Not: is it ready")
			pools := fs.StringArray("pool", nil, "is it ready for clients of this pool? It may be given several times")
			return func(args []string, stdout, _ io.Writer) error {
				switch {
				case len(args) > 0:
					return fmt.Errorf("%w: it takes no arguments", errUsage)
				case *live && len(*pools) > 0:
					return fmt.Errorf("%w: either --live or --pool", errUsage)
				}
				if err := admin.find(); err != nil {
					return err
				}
				if *live {
					return health(admin, "/healthz", nil, stdout)
				}
				return health(admin, "/readyz", url.Values{"pool": *pools}, stdout)
			}
		},
	}
}

func health(p *pages, page string, query url.Values, stdout io.Writer) error {
	status, body, err := p.get(http.MethodGet, page, query, patience, 64<<10)
	if err != nil {
		return err
	}
	text := strings.TrimSpace(string(body))
	if status != http.StatusOK {
		return fmt.Errorf("%s: %s", p.who(), text)
	}
	fmt.Fprintf(stdout, "%s: %s\n", p.who(), text)
	return nil
}
