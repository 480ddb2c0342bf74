package inspect

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"syscall"
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
		Args:    "[-c FILE | -p PIDFILE | --admin ADDR] [--pool POOL] [--json] KEY...",
		Summary: "where keys go, and why",
		Help: "Shows for each key the pool that it is routed to, if it is, the part that is hashed, its hash, the point of the\n" +
			"continuum that it meets and the server.\n" +
			"With -c as the file says, all servers being live; with --admin or -p as a running proxy sees it now, ejected servers\n" +
			"left out. Without any of these the proxy at the default admin address is asked or, if there is none, the file\n" +
			"conf/nutcracker.yml. Exit status 1 if the file has mistakes, there is no such pool, or the proxy cannot be asked.",
		build: func(fs *pflag.FlagSet) action {
			path := fs.StringP("conf-file", "c", "", "configuration file, in place of a running proxy")
			admin := pagesFlags(fs, engine.DefaultAdmin, adminUsage)
			fs.StringVarP(&admin.pidFile, "pid-file", "p", "", "pid file of the running proxy")
			admin.given = fs.Changed
			pool := fs.String("pool", "", "only this pool (default: all)")
			asJSON := fs.Bool("json", false, "print JSON")
			return func(args []string, stdout, stderr io.Writer) error {
				if len(args) == 0 {
					return fmt.Errorf("%w: which KEY?", errUsage)
				}
				places, err := explain(*path, admin, *pool, args, stderr)
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

// explain asks who is meant, and says on stderr who that is.
func explain(path string, admin *pages, pool string, keys []string, stderr io.Writer) ([]engine.Place, error) {
	if path != "" && !admin.isNamed() {
		return explainFile(path, pool, keys, stderr)
	}
	if err := admin.find(); err != nil {
		if _, statErr := os.Stat(admin.pidFile); admin.pidFile != "" && statErr != nil {
			err = fmt.Errorf("%w; a pool is --pool %s", err, admin.pidFile)
		}
		return nil, err
	}
	places, err := explainLive(admin, pool, keys)
	if err != nil && !admin.isNamed() && errors.Is(err, syscall.ECONNREFUSED) {
		if _, statErr := os.Stat(defaultConf); statErr == nil {
			fmt.Fprintf(stderr, "no proxy is at %s: as %s says\n", admin.addr, defaultConf)
			return explainFile(defaultConf, pool, keys, stderr)
		}
		return nil, fmt.Errorf("no proxy is at %s, and there is no %s: -c FILE, -p PIDFILE or --admin ADDR", admin.addr, defaultConf)
	}
	if err == nil {
		fmt.Fprintf(stderr, "as %s sees it now\n", admin.who())
	}
	return places, err
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
		fmt.Fprintf(tw, "%s\t%q\t%q\t%s\t%s\t%s\t%s\t%s\n", plain(pool), p.Key, p.Hashed, hash, point, plain(p.Server), plain(p.Name), plain(p.Reason))
	}
	_ = tw.Flush()
	for _, p := range places {
		if p.Reads != "" {
			fmt.Fprintf(w, "reads of %q in %s: %s\n", p.Key, plain(p.Pool), plain(p.Reads))
		}
	}
}
