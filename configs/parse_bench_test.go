package configs

import (
	"fmt"
	"strings"
	"testing"
)

// BenchmarkParse reads files of two sizes: whatever is in them, a line of the larger one takes as long as one of the smaller.
func BenchmarkParse(b *testing.B) {
	const two = "b:\n  listen: /tmp/t\n  redis: true\n  servers:\n    - a:1:1\n"
	one := func(line string) string { return pool1("redis: true") + "  " + line }
	for name, c := range map[string]struct {
		head string
		each func(i int) string
	}{
		"networks":           {one("allow_from:"), func(i int) string { return fmt.Sprintf(" 10.%d.%d.%d", i>>16, i>>8&255, i&255) }},
		"wrong words":        {one("allow_from:"), func(i int) string { return fmt.Sprintf(" x%d", i) }},
		"wrong rules":        {one("commands: +@all"), func(i int) string { return fmt.Sprintf(" -gx%d", i) }},
		"sentinels":          {"p:\n  listen: /tmp/p\n  redis: true\n  servers:\n    - m:1\n  sentinels:", func(i int) string { return fmt.Sprintf(" s%d:1", i) }},
		"keys of a user":     {one("users:\n    - bob on nopass +@all"), func(i int) string { return fmt.Sprintf(" ~k%d", i) }},
		"channels of a user": {one("users:\n    - bob on nopass +@all"), func(i int) string { return fmt.Sprintf(" &k%d", i) }},
		"prefixes":           {two + one("routes:\n    - b"), func(i int) string { return fmt.Sprintf(" k%d:*", i) }},
		"mirrors": {two, func(i int) string {
			return fmt.Sprintf("p%d:\n  listen: /tmp/%d\n  redis: true\n  mirror: p%d\n  servers:\n    - a:1:1\n", i, i, i+1)
		}},
		"pools without spare": {two, func(i int) string {
			return fmt.Sprintf("p%d:\n  listen: /tmp/%d\n  redis: true\n  failover: xp%d\n  servers:\n    - a:1:1\n", i, i, i)
		}},
		"unknown keys": {"p:\n", func(i int) string { return fmt.Sprintf("  key%d: x\n", i) }},
	} {
		for _, n := range []int{5_000, 20_000} {
			var file strings.Builder
			file.WriteString(c.head)
			for i := range n {
				file.WriteString(c.each(i))
			}
			file.WriteString("\n")
			b.Run(fmt.Sprintf("%s/%d", name, n), func(b *testing.B) {
				for b.Loop() {
					_, _ = Parse(testFile, []byte(file.String()))
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/line")
			})
		}
	}
}
