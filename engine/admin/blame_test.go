package admin

import (
	"testing"
	"time"

	"cashew/stats"
)

func TestPattern(t *testing.T) {
	for key, want := range map[string]string{
		"":                          "",
		"config":                    "config",
		"user:1001:profile":         "user:*:profile",
		"user:{1001}:cart":          "user:{*}:cart",
		"cache:v2:page17":           "cache:v*:page*",
		"session-7f3a-99c2-0b1d":    "session-*",
		"550e8400-e29b-41d4-99-abc": "*-abc",
		"u:a50e840a-a29b-b1d4-a716-abcdefabcdef:x": "u:*:x",
		"a1b:deadbeefcafe":                         "*:*",
		"bin:\x00\x1f":                             "bin:*",
		"bad:\xff\xfe":                             "bad:*",
		"10.0.0.1":                                 "*",
		"a::b":                                     "a::b",
		"été:1":                                    "été:*",
		":":                                        ":",
	} {
		if got := pattern(key); got != want {
			t.Errorf("pattern(%q) = %q; want %q", key, got, want)
		}
	}
}

// TestGroupSlow: those who made others wait come before those who waited, however many these are.
func TestGroupSlow(t *testing.T) {
	const ms = time.Millisecond
	at := time.Unix(1000, 0)
	var log []stats.SlowEntry
	for i := range 20 {
		log = append(log, stats.SlowEntry{Pool: "p", Command: "get", Key: "user:" + string(rune('0'+i%10)), Server: "a", At: at, Queue: ms, ServerTime: 100 * ms, Own: ms / 10})
	}
	for i := range 7 {
		log = append(log, stats.SlowEntry{Pool: "p", Command: "eval", Key: "job:1", Server: "a", At: at.Add(time.Duration(i)), ServerTime: 50 * ms, Own: time.Duration(i) * ms})
	}
	log = append(log, stats.SlowEntry{Pool: "q", Command: "eval", Key: "job:1", Server: "b", At: at, ServerTime: 3 * ms, Own: 3 * ms})
	got := groupSlow(log)
	if len(got) != 3 || got[0].Command != "eval" || got[0].Pool != "p" || got[1].Pool != "q" || got[2].Command != "get" {
		t.Fatalf("%+v", got)
	}
	e := got[0]
	if e.Times != 7 || e.Own != 21_000 || e.OwnMost != 6000 || e.Waited != 7*50_000-21_000 || e.WaitedMax != 50_000 || e.Servers["a"] != 7 || !e.At.Equal(at.Add(6)) {
		t.Errorf("%+v", e)
	}
	if len(e.Worst) != worstOfGroup || e.Worst[0].Own != 6*ms || e.Worst[4].Own != 2*ms {
		t.Errorf("worst %+v", e.Worst)
	}
	if g := got[2]; g.Pattern != "user:*" || g.Times != 20 || g.Own != 2000 || g.Waited != 20*100_900 {
		t.Errorf("%+v", g)
	}
}
