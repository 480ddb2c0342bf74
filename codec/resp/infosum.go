package resp

import (
	"bytes"
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"

	"cashew/codec"
)

// INFO of several servers is one INFO: sections and fields in the order of the first server that has them; databases and errors, of which
// each server tells those that it has, in a server's: by number, and by name. What a field becomes:
//
//	used_memory:100, used_memory:50      150          what a server has, or has done: the sum
//	mem_fragmentation_ratio:1.2, 1.4     1.30         a ratio: the mean
//	used_memory_human:100B, 50B          150B         for people: of the sum
//	uptime_in_seconds:90, 20             20           an age: the least
//	rdb_bgsave_in_progress:0, 1          1            what may be the case, or a peak: the greatest
//	db0:keys=1,expires=0, keys=2,...     keys=3,...   field by field
//	redis_version:7.0.15, 7.2.4          7.0.15       all else: what the first server says
//
// Source: redis 7.0 server.c, genRedisInfoString, and later ones.

// infoField is a line of INFO.
type infoField struct {
	section string
	name    string
	values  []string // of each server that has it
}

// mergeInfo makes one INFO, in the form of the first reply.
func mergeInfo(dst []byte, g *codec.Gather) []byte {
	var sections infoTogether
	for _, r := range g.Replies {
		text := bulkText(r)
		if text == nil {
			return append(dst, errInvalid...)
		}
		sections.add(string(text))
	}
	var t infoText
	sums := map[string]float64{}
	for i, s := range sections {
		if i > 0 {
			t = append(t, crlf...)
		}
		t = append(t, "# "+s.title+crlf...)
		s.sort()
		for _, f := range s.fields {
			t.text(f.name, f.sum(sums))
		}
	}
	if g.Replies[0][0] == '=' {
		return appendVerbatim(dst, RESP3, t)
	}
	return appendBulk(dst, []byte(t))
}

// infoTogether are the sections of several servers, in the order in which they came.
type infoTogether []*infoPart

// infoPart is a section.
type infoPart struct {
	title  string
	fields []*infoField
	named  map[string]*infoField
}

// sort puts the fields of sections in order of which servers need not have the same ones. Commands are in the order of a hash table.
func (s *infoPart) sort() {
	switch s.title {
	case "Keyspace":
		slices.SortStableFunc(s.fields, func(a, b *infoField) int { return cmp.Compare(numberBehind(a.name), numberBehind(b.name)) })
	case "Errorstats":
		slices.SortStableFunc(s.fields, func(a, b *infoField) int { return strings.Compare(a.name, b.name) })
	}
}

// numberBehind is the number of db12; of a name without one it is 0.
func numberBehind(name string) int {
	n, _ := strconv.Atoi(strings.TrimLeft(name, "abcdefghijklmnopqrstuvwxyz"))
	return n
}

// add takes one server's.
func (all *infoTogether) add(text string) {
	var s *infoPart
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, crlf)
		if title, is := strings.CutPrefix(line, "# "); is {
			s = all.section(title)
			continue
		}
		name, value, is := strings.Cut(line, ":")
		if s == nil || !is {
			continue
		}
		f := s.named[name]
		if f == nil {
			f = &infoField{section: s.title, name: name}
			s.named[name] = f
			s.fields = append(s.fields, f)
		}
		f.values = append(f.values, value)
	}
}

// section is the one of a title.
func (all *infoTogether) section(title string) *infoPart {
	for _, s := range *all {
		if s.title == title {
			return s
		}
	}
	s := &infoPart{title: title, named: map[string]*infoField{}}
	*all = append(*all, s)
	return s
}

// bulkText is the text of a whole bulk or verbatim string; nil: it is none.
func bulkText(reply []byte) []byte {
	head, rest, found := bytes.Cut(reply, []byte(crlf))
	switch {
	case !found, !bytes.HasSuffix(rest, []byte(crlf)):
		return nil
	case head[0] == '=' && len(rest) >= len("txt:\r\n"):
		return rest[len("txt:") : len(rest)-len(crlf)]
	case head[0] == '$':
		return rest[: len(rest)-len(crlf) : len(rest)-len(crlf)]
	}
	return nil
}

// What the names of fields say of them.
var (
	infoMeans = []string{"_ratio", "_perc", "_percentage", "usec_per_call"}
	infoLeast = []string{"uptime_in_seconds", "uptime_in_days", "rdb_last_save_time", "master_repl_offset", "second_repl_offset"}
	infoMost  = []string{
		"_in_progress", "loading", "async_loading", "_time_sec", "_max_input_buffer", "_max_output_buffer", "_scheduled", "_enabled",
		"_fork_usec", "lru_clock", "hz", "_last_cow_size", "_max_reply_size", "latest_", "_last_bgsave_", "cluster_", "io_threads_active",
	}
	infoSums = []string{"Clients", "Memory", "Persistence", "Stats", "CPU", "Errorstats", "Commandstats"} // sections
)

// sum is one value for those of f; sums has those before by name.
func (f *infoField) sum(sums map[string]float64) string {
	first := f.values[0]
	if strings.Contains(first, "=") && f.section != "Modules" && f.section != "Server" {
		return sumParts(f.values)
	}
	if of, human := strings.CutSuffix(f.name, "_human"); human {
		if n, known := sums[of]; known {
			return bytesForPeople(n)
		}
		return first
	}
	numbers := make([]float64, len(f.values))
	decimals := 0
	for i, v := range f.values {
		n, err := strconv.ParseFloat(v, 64)
		if err != nil {
			return first
		}
		numbers[i] = n
		if _, behind, isFraction := strings.Cut(v, "."); isFraction {
			decimals = max(decimals, len(behind))
		}
	}
	total := 0.0
	switch {
	case named(f.name, infoMeans):
		for _, n := range numbers {
			total += n / float64(len(numbers))
		}
	case slices.Contains(infoLeast, f.name):
		total = slices.Min(numbers)
	case named(f.name, infoMost):
		total = slices.Max(numbers)
	case slices.Contains(infoSums, f.section), f.name == "connected_slaves":
		for _, n := range numbers {
			total += n
		}
	default:
		return first
	}
	sums[f.name] = total
	return strconv.FormatFloat(total, 'f', decimals, 64)
}

// named tells whether one of the words begins or ends name.
func named(name string, words []string) bool {
	return slices.ContainsFunc(words, func(w string) bool { return strings.HasSuffix(name, w) || strings.HasPrefix(name, w) })
}

// sumParts sums "keys=1,expires=0,avg_ttl=7" part by part. A mean is weighed by what it is a mean of: avg_ttl by keys that expire,
// usec_per_call by calls. Percentiles of several servers are not known: the greatest is no less than theirs together.
func sumParts(values []string) string {
	var names []string
	sums := map[string]float64{}
	for _, v := range values {
		parts := map[string]float64{}
		for part := range strings.SplitSeq(v, ",") {
			name, text, _ := strings.Cut(part, "=")
			n, err := strconv.ParseFloat(text, 64)
			if err != nil {
				return values[0]
			}
			parts[name] = n
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
		for name, n := range parts { // in no order: each is summed by itself
			switch {
			case name == "avg_ttl":
				sums[name] += n * parts["expires"]
			case name == "usec_per_call":
				sums[name] += n * parts["calls"]
			case name[0] == 'p' && name[1:] != "" && name[1] >= '0' && name[1] <= '9':
				sums[name] = max(sums[name], n)
			default:
				sums[name] += n
			}
		}
	}
	var b strings.Builder
	for i, name := range names {
		n, decimals := sums[name], 0
		switch {
		case name == "avg_ttl":
			n = math.Round(n / max(sums["expires"], 1))
		case name == "usec_per_call":
			n, decimals = n/max(sums["calls"], 1), 2
		case name[0] == 'p' && strings.Contains(values[0], "."):
			decimals = 3
		}
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(name + "=" + strconv.FormatFloat(n, 'f', decimals, 64))
	}
	return b.String()
}

// bytesForPeople is a number of bytes with a unit. Source: redis 7.0 util.c, bytesToHuman.
func bytesForPeople(n float64) string {
	const unit = 1024
	if n < unit {
		return strconv.FormatFloat(n, 'f', 0, 64) + "B"
	}
	units := "KMGTP"
	for n /= unit; n >= unit && len(units) > 1; n /= unit {
		units = units[1:]
	}
	return strconv.FormatFloat(n, 'f', 2, 64) + units[:1]
}
