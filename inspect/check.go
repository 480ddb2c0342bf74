package inspect

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/pflag"

	"cashew/configs"
)

func checkCommand() *Command {
	return &Command{
		Name:    "check",
		Args:    "FILE...",
		Summary: "find all mistakes in configuration files",
		Help: "Reads configuration files as the proxy would and shows all mistakes, each with its line, and all warnings.\n" +
			"Exit status 0: every file can be used, perhaps with warnings; 1: some cannot.",
		build: func(fs *pflag.FlagSet) action {
			strict := fs.Bool("strict", false, "warnings are mistakes")
			return func(args []string, stdout, stderr io.Writer) error { return check(args, *strict, stdout, stderr) }
		},
	}
}

func check(paths []string, strict bool, stdout, stderr io.Writer) error {
	if len(paths) == 0 {
		return fmt.Errorf("%w: which FILE?", errUsage)
	}
	var found error
	for _, path := range paths {
		f, err := configs.Load(path)
		var problems configs.Problems
		if errors.As(err, &problems) {
			for _, p := range problems {
				fmt.Fprintln(stderr, p)
			}
			fmt.Fprintf(stdout, "%s: %s\n", path, count(len(problems), "mistake"))
			found = errFound
			continue
		} else if err != nil {
			return err
		}
		for _, w := range f.Warnings {
			fmt.Fprintf(stderr, "%s (warning)\n", w)
		}
		verdict := "ok, " + count(len(f.Options.Pools), "pool")
		if n := len(f.Warnings); n > 0 {
			verdict += ", " + count(n, "warning")
			if strict {
				found = errFound
			}
		}
		fmt.Fprintf(stdout, "%s: %s\n", path, verdict)
	}
	return found
}

// count is n things.
func count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
