package inspect

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/pflag"

	"cashew/upgrade"
)

func upgradeCommand() *Command {
	return &Command{
		Name:    "upgrade",
		Args:    "-p FILE [--timeout SECONDS]",
		Summary: "have a running proxy replaced by the program that stands in its place now",
		Help: "Asks the proxy whose pid file this is to start the program that stands where it was itself started from, with its\n" +
			"arguments, its listeners and its clients, and waits for the outcome. If the new process fails, also by a mistake in\n" +
			"the configuration, the old one goes on; its log says why, and the exit status is 1.",
		build: func(fs *pflag.FlagSet) action {
			path := fs.StringP("pid-file", "p", "", "the running proxy's pid file")
			timeout := fs.Float64("timeout", (upgrade.DefaultTimeout + 30*time.Second).Seconds(), "seconds to wait for the outcome")
			return func(args []string, stdout, _ io.Writer) error {
				switch {
				case len(args) > 0:
					return fmt.Errorf("%w: it takes no arguments", errUsage)
				case *path == "":
					return fmt.Errorf("%w: which pid file?", errUsage)
				}
				ctx, cancel := context.WithTimeoutCause(context.Background(), time.Duration(*timeout*float64(time.Second)),
					errors.New("no outcome yet; its log will have it"))
				defer cancel()
				before, after, err := upgrade.Request(ctx, *path)
				if err != nil {
					return err
				}
				fmt.Fprintf(stdout, "process %d took over from process %d\n", after, before)
				return nil
			}
		},
	}
}
