package ring

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// A golden file says, in comments, how a pool was configured and what ring twemproxy made of it, and then, one key a
// row, which server twemproxy picked with each distribution and hash. Servers are numbered as configured.
type golden struct {
	tag     string
	servers []goldenServer
	points  []int  // ketama's points for each server
	slots   []int  // modula's slots; nil where there are too many to list
	sum     string // SHA-256 in hex of ketama's points, as lines
	ends    string // ketama's first three and last two points
	columns []string
	rows    []goldenRow
}

type goldenServer struct {
	Server
	configured int // place in the file
	sorted     int // place in twemproxy's order
	ejected    bool
}

type goldenRow struct {
	key  []byte
	want []int
}

// TestGolden replays testdata/ring-*.tsv, which twemproxy's own configuration parser, ring builder and dispatcher made:
// every row and column of it, the rings themselves, and the order of the servers.
func TestGolden(t *testing.T) {
	paths, err := filepath.Glob("testdata/ring-*.tsv")
	if err != nil {
		t.Fatal(err)
	}
	if want := 20; len(paths) != want {
		t.Errorf("%d golden files; want %d", len(paths), want)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".tsv"), func(t *testing.T) {
			g := readGolden(t, path)
			servers := slices.Clone(g.servers)
			SortServers(servers, func(s goldenServer) string { return s.Name })
			o := Options{HashTag: g.tag}
			configured := make([]int, len(servers)) // by index in o.Servers
			for i, s := range servers {
				if s.sorted != i {
					t.Fatalf("SortServers puts %q at %d; want %d", s.Name, i, s.sorted)
				}
				o.Servers = append(o.Servers, s.Server)
				o.Live = append(o.Live, !s.ejected)
				configured[i] = s.configured
			}
			for column, name := range g.columns {
				var ok bool
				if o.Distribution, o.Hash, ok = strings.Cut(name, "/"); !ok {
					t.Fatalf("column %q is not distribution/hash", name)
				}
				r := mustBuild(t, o)
				if o.Distribution == distKetama {
					checkKetama(t, g, r, configured)
				} else {
					checkModula(t, g, r, configured)
				}
				for _, row := range g.rows {
					if got := configured[r.Dispatch(row.key)]; got != row.want[column] {
						t.Errorf("%s: Dispatch(%q) = server %d; want %d", name, row.key, got, row.want[column])
					}
				}
				checkAll(t, r, g, func(row *goldenRow, got int) bool { return configured[got] == row.want[column] })
			}
		})
	}
}

// checkAll has r dispatch the keys of g by several, as they stand side by side, the first behind the last.
func checkAll(t *testing.T, r *Ring, g *golden, right func(row *goldenRow, got int) bool) {
	t.Helper()
	for i := range g.rows {
		var keys [AtOnce][]byte
		var got [AtOnce]int
		for j := range keys {
			keys[j] = g.rows[(i+j)%len(g.rows)].key
		}
		r.DispatchAll(keys[:], &got)
		for j, server := range got {
			if row := &g.rows[(i+j)%len(g.rows)]; !right(row, server) {
				t.Errorf("DispatchAll(%q): %q is at %d; want %v", keys, row.key, server, row.want)
			}
		}
	}
}

func checkKetama(t *testing.T, g *golden, r *Ring, configured []int) {
	t.Helper()
	points := make([]int, len(g.servers))
	var lines []byte
	var all []string
	for value, server := range r.Points() {
		points[configured[server]]++
		lines = fmt.Appendf(lines, "%d\t%d\n", value, configured[server])
		all = append(all, fmt.Sprintf("%d:%d", value, configured[server]))
	}
	if !slices.Equal(points, g.points) {
		t.Errorf("points = %v; want %v", points, g.points)
	}
	if got := strings.Join(append(all[:3:3], all[len(all)-2:]...), " "); got != g.ends {
		t.Errorf("points begin and end with %s; want %s", got, g.ends)
	}
	if got := fmt.Sprintf("%x", sha256.Sum256(lines)); got != g.sum {
		t.Errorf("SHA-256 of the points is %s; want %s", got, g.sum)
	}
}

func checkModula(t *testing.T, g *golden, r *Ring, configured []int) {
	t.Helper()
	if g.slots == nil {
		return
	}
	got := slots(r)
	for i, server := range got {
		got[i] = configured[server]
	}
	if !slices.Equal(got, g.slots) {
		t.Errorf("slots = %v; want %v", got, g.slots)
	}
}

func readGolden(t *testing.T, path string) *golden {
	t.Helper()
	g := &golden{}
	for _, line := range readLines(t, path) {
		comment, isComment := strings.CutPrefix(line, "# ")
		fields := strings.Split(line, "\t")
		switch {
		case isComment:
			g.readComment(t, comment)
		case g.columns == nil:
			g.columns = fields[1:]
		default:
			if len(fields) != 1+len(g.columns) {
				t.Fatalf("%s: %q: %d fields; want %d", path, line, len(fields), 1+len(g.columns))
			}
			key, err := hex.DecodeString(fields[0])
			if err != nil {
				t.Fatal(err)
			}
			g.rows = append(g.rows, goldenRow{key, parseInts(t, fields[1:])})
		}
	}
	if want := 2000; len(g.rows) != want || g.sum == "" || g.ends == "" || len(g.points) != len(g.servers) {
		t.Fatalf("%s: %d rows, sum %q, ends %q, %d counts, %d servers; want %d rows and all else there",
			path, len(g.rows), g.sum, g.ends, len(g.points), len(g.servers), want)
	}
	return g
}

func (g *golden) readComment(t *testing.T, comment string) {
	t.Helper()
	// What comes after the last ": " or "=".
	last := func(mark string) string { return comment[strings.LastIndex(comment, mark)+len(mark):] }
	switch {
	case strings.HasPrefix(comment, "hash_tag: "):
		g.tag = strings.Trim(last(" "), `"`)
	case strings.HasPrefix(comment, "server "):
		// server 2: "127.0.0.1:6381:1 name"  ring-name="name"  position-after-sort=2  EJECTED
		quoted := strings.Split(comment, `"`)
		if len(quoted) != 5 {
			t.Fatalf("%q: want two quoted strings", comment)
		}
		entry, _, _ := strings.Cut(quoted[1], " ")
		weight := entry[strings.LastIndex(entry, ":")+1:]
		position, state, _ := strings.Cut(strings.TrimPrefix(quoted[4], "  position-after-sort="), "  ")
		numbers := parseInts(t, []string{weight, position})
		g.servers = append(g.servers, goldenServer{
			Server:     Server{Name: quoted[3], Weight: numbers[0]},
			configured: len(g.servers),
			sorted:     numbers[1],
			ejected:    state == "EJECTED",
		})
	case strings.HasPrefix(comment, "ketama: "):
		g.points = parseInts(t, strings.Split(last("="), ","))
	case strings.HasPrefix(comment, "ketama ring sha256 "):
		g.sum = last(": ")
	case strings.HasPrefix(comment, "ketama first three and last two points "):
		g.ends = last(": ")
	case strings.HasPrefix(comment, "modula slots "):
		g.slots = parseInts(t, strings.Split(last(": "), ","))
	}
}

// readLines returns the lines of a file that ends in a line feed.
func readLines(t *testing.T, path string) []string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
}

func parseInts(t *testing.T, fields []string) []int {
	t.Helper()
	numbers := make([]int, len(fields))
	for i, field := range fields {
		var err error
		if numbers[i], err = strconv.Atoi(field); err != nil {
			t.Fatal(err)
		}
	}
	return numbers
}
