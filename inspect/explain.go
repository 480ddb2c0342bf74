package inspect

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"text/tabwriter"
	"time"

	"github.com/spf13/pflag"

	"cashew/configs"
	"cashew/engine"
	"cashew/world"
)

func explainCommand() *Command {
	return &Command{
		Name:    "explain",
		Args:    "[-c FILE | --admin ADDR] [-p POOL] [--json] KEY...",
		Summary: "where keys go, and why",
		Help: "Shows for each key the pool that it is routed to, if it is, the part that is hashed, its hash, the point of the\n" +
			"continuum that it meets and the server.\n" +
			"With -c as the file says, all servers being live; with --admin as a running proxy sees it now, ejected servers left\n" +
			"out. Exit status 1 if the file has mistakes, there is no such pool, or the proxy cannot be asked.",
		build: func(fs *pflag.FlagSet) action {
			path := fs.StringP("conf-file", "c", "conf/nutcracker.yml", "configuration file")
			admin := pagesFlags(fs, "", adminUsage+", instead of a file")
			pool := fs.StringP("pool", "p", "", "only this pool (default: all)")
			asJSON := fs.Bool("json", false, "print JSON")
			return func(args []string, stdout, stderr io.Writer) error {
				if len(args) == 0 {
					return fmt.Errorf("%w: which KEY?", errUsage)
				}
				var places []engine.Place
				var err error
				if admin.addr != "" {
					places, err = explainLive(admin, *pool, args)
				} else {
					places, err = explainFile(*path, *pool, args, stderr)
				}
				if err != nil {
					return err
				}
				if *asJSON {
					return writeJSON(stdout, places)
				}
				printPlaces(stdout, places)
				return nil
			}
		},
	}
}

// explainLive asks a running proxy.
func explainLive(admin *pages, pool string, keys []string) ([]engine.Place, error) {
	var all []engine.Place
	for _, key := range keys {
		query := url.Values{"key": {key}}
		if pool != "" {
			query.Set("pool", pool)
		}
		var places []engine.Place
		if err := ask(http.MethodGet, admin, "/explain", query, patience, &places); err != nil {
			return nil, err
		}
		all = append(all, places...)
	}
	return all, nil
}

// explainFile asks a proxy that is built from the file and never started. The file's mistakes go to stderr.
func explainFile(path, pool string, keys []string, stderr io.Writer) ([]engine.Place, error) {
	f, err := configs.Load(path)
	if err != nil {
		fmt.Fprintln(stderr, err)
		return nil, errFound
	}
	if err := find(f, stderr); err != nil {
		return nil, err
	}
	proxy, err := engine.New(f.Options, world.New(time.Now()), slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, err
	}
	defer proxy.Stop()
	var all []engine.Place
	for _, key := range keys {
		places := proxy.Explain(pool, []byte(key))
		if len(places) == 0 {
			return nil, fmt.Errorf("there is no pool %q in %s", pool, path)
		}
		all = append(all, places...)
	}
	return all, nil
}

func printPlaces(w io.Writer, places []engine.Place) {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "POOL\tKEY\tHASHED\tHASH\tPOINT\tSERVER\tNAME\tREASON")
	for _, p := range places {
		hash, point := "-", "-"
		if p.Distribution != "random" {
			hash, point = fmt.Sprintf("%s %d", p.HashName, p.Hash), fmt.Sprintf("%s %d", p.Distribution, p.Point)
		}
		pool := p.Pool
		if p.RoutedTo != "" {
			pool += " > " + p.RoutedTo
		}
		fmt.Fprintf(tw, "%s\t%q\t%q\t%s\t%s\t%s\t%s\t%s\n", pool, p.Key, p.Hashed, hash, point, p.Server, p.Name, p.Reason)
	}
	_ = tw.Flush()
	for _, p := range places {
		if p.Reads != "" {
			fmt.Fprintf(w, "reads of %q in %s: %s\n", p.Key, p.Pool, p.Reads)
		}
	}
}
