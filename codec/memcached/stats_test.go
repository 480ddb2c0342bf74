package memcached

import (
	"strings"
	"testing"

	"cashew/codec"
)

func TestAppendCoalescedStats(t *testing.T) {
	list := func(lines ...string) string { return strings.Join(append(lines, "END"), "\r\n") + "\r\n" }
	for _, tt := range []struct {
		name    string
		op      int
		replies []string
		want    string
	}{
		{"one server's own words", opStatsOther, []string{"ERROR anything\r\n"}, "ERROR anything\r\n"},
		{"one list", opStatsOther, []string{list("STAT a 1", "", "STAT a 1")}, list("STAT a 1", "", "STAT a 1")},
		{
			"added", opStatsOther,
			[]string{list("STAT items:1:number 5", "STAT 96 1"), list("STAT items:2:number 1", "STAT items:1:number 7"), list()},
			list("STAT items:1:number 12", "STAT 96 1", "STAT items:2:number 1"),
		},
		{
			"largest", opStatsOther,
			[]string{
				list("STAT items:1:age 9", "STAT items:1:age_hot 10", "STAT items:1:evicted_time 3"),
				list("STAT items:1:age 10", "STAT items:1:age_hot 9", "STAT items:1:evicted_time 3"),
			},
			list("STAT items:1:age 10", "STAT items:1:age_hot 10", "STAT items:1:evicted_time 3"),
		},
		{"classes", opStatsOther, []string{
			list("STAT 1:chunk_size 96", "STAT 1:chunks_per_page 5", "STAT 1:used_chunks 5", "STAT active_slabs 1", "STAT total_malloced 9"),
			list("STAT 1:chunk_size 96", "STAT 2:chunk_size 120", "STAT 1:chunks_per_page 5", "STAT 1:used_chunks 5", "STAT active_slabs 2", "STAT total_malloced 1"),
		}, list("STAT 1:chunk_size 96", "STAT 1:chunks_per_page 5", "STAT 1:used_chunks 10", "STAT active_slabs 2", "STAT total_malloced 10", "STAT 2:chunk_size 120")},
		{"settings", opStatsSettings, []string{
			list("STAT maxbytes 5", "STAT tcpport 1", "STAT inter "), list("STAT maxbytes 5", "STAT tcpport 2", "STAT inter "),
			list("STAT maxbytes 5", "STAT tcpport 1", "STAT inter "),
		}, list("STAT maxbytes 5", "STAT tcpport 1,2", "STAT inter ")},
		{"words that are no numbers", opStatsOther, []string{
			list("STAT sizes_status disabled", "STAT a 1 2"), list("STAT sizes_status disabled", "STAT a 1"),
			list("STAT sizes_status enabled", "STAT a 3"),
		}, list("STAT sizes_status disabled,enabled", "STAT a 1 2,1,3")},
		{
			"prefixes", opStatsOther,
			[]string{list("PREFIX p get 5 hit 2 set 0 del 1"), list("PREFIX q get 1 hit 1 set 1 del 1", "PREFIX p get 1 hit 1 set 1 del 1")},
			list("PREFIX p get 6 hit 3 set 1 del 2", "PREFIX q get 1 hit 1 set 1 del 1"),
		},
		{"items", opStatsOther, []string{list("ITEM a [1 b; 0 s]"), list(), list("ITEM b [2 b; 0 s]")}, list("ITEM a [1 b; 0 s]", "ITEM b [2 b; 0 s]")},
		{"connections", opStatsConns, []string{list("STAT 23:state a"), list("STAT 23:state a")}, list("STAT 23:state a", "STAT 23:state a")},
		{"reset", opStatsOther, []string{"RESET\r\n", "RESET\r\n"}, "RESET\r\n"},
		{"detail on", opStatsOther, []string{"OK\r\n", "OK\r\n"}, "OK\r\n"},
		{"slabs", opSlabs, []string{"OK\r\n", "BUSY currently\r\n", "NOSPARE\r\n"}, "BUSY currently\r\n"},
		{"error", opStatsOther, []string{list("STAT a 1"), "ERROR\r\n"}, "ERROR\r\n"},
		{"a list and none", opStatsOther, []string{list("STAT a 1"), "OK\r\n"}, replyInvalid},
	} {
		g := &codec.Gather{Op: uint16(tt.op), Cursor: make([]int, len(tt.replies))}
		for _, r := range tt.replies {
			g.Replies = append(g.Replies, []byte(r))
		}
		if got := string(New(Options{Admin: true}).AppendCoalesced([]byte("before"), g)); got != "before"+tt.want {
			t.Errorf("%s: AppendCoalesced(%q) = %q; want %q", tt.name, tt.replies, got, "before"+tt.want)
		}
	}
}
