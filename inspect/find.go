package inspect

import (
	"fmt"
	"io"

	"cashew/configs"
	"cashew/discovery/sources"
)

// find has the pools of a file whose servers are looked for elsewhere have those with which a proxy that starts now would begin: what
// is asked is asked now, and if it is silent, or the rules do not take what it tells, what is known from before counts, which stderr is told.
func find(f *configs.File, stderr io.Writer) error {
	for i := range f.Options.Pools {
		o := &f.Options.Pools[i].Options
		if o.Discovery == "" {
			continue
		}
		servers, instead, err := sources.Find(o)
		if err != nil {
			return fmt.Errorf("pool %s: %w", o.Name, err)
		}
		if instead != "" {
			fmt.Fprintf(stderr, "pool %s: %s\n", o.Name, instead)
		}
		o.Servers = servers
	}
	return nil
}
